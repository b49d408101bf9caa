import { form, set, type Mode } from "../form";
import { generate } from "../run";
import { t } from "../texts";
import { ControlPanel, HiresForm, InpaintForm, StartForm } from "./image_forms";
import { PromptBox } from "./prompt_box";
import { ResultView } from "./result_view";
import { SettingsForm } from "./settings_form";
import { StylePicker } from "./style_picker";

const modes: Mode[] = ["txt2img", "img2img", "inpaint"];

export function CreateTab() {
  const { mode } = form.value;
  return (
    <div class="create">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void generate();
        }}
      >
        <div class="modes" role="group">
          {modes.map((name) => (
            <button key={name} type="button" aria-pressed={mode === name} onClick={() => set({ mode: name })}>
              {t(name)}
            </button>
          ))}
        </div>
        <PromptBox />
        <button class="primary" type="submit">
          {t("generate")}
        </button>
        {mode !== "txt2img" && <StartForm />}
        {mode === "inpaint" && <InpaintForm />}
        <SettingsForm />
        {mode === "txt2img" && <HiresForm />}
        <ControlPanel />
        <StylePicker />
        <small>{t("dropHint")}</small>
      </form>
      <ResultView />
    </div>
  );
}
