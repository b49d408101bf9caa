// Drawing: the form in two cards, the result beside them.
import { useRef } from "preact/hooks";
import { emptyForm, form, set, type Mode } from "../form";
import { fileToUri, pictureOf } from "../pictures";
import { generate } from "../run";
import { t } from "../texts";
import { takeSettings } from "../viewer";
import { ControlPanel } from "./control_panel";
import { Button } from "./icons";
import { HiresForm, InpaintForm, StartForm } from "./image_forms";
import { MoreSettings } from "./more_settings";
import { PromptBox } from "./prompt_box";
import { ResultView } from "./result_view";
import { SettingsForm } from "./settings_form";
import { StylePicker } from "./style_picker";

const modes: Mode[] = ["txt2img", "img2img", "inpaint"];

// Taking settings from a picture's file, and starting afresh.
function FormTools() {
  const input = useRef<HTMLInputElement>(null);
  const take = async (files: FileList | null) => {
    const file = pictureOf(files);
    if (file) await takeSettings(await fileToUri(file));
  };
  return (
    <>
      <div class="row">
        <Button icon="file" label={t("readSettings")} text onClick={() => input.current?.click()} />
        <Button icon="reuse" label={t("resetForm")} text onClick={() => set(emptyForm)} />
      </div>
      <input ref={input} type="file" hidden accept="image/png,image/jpeg,image/webp" aria-label={t("readSettings")} onChange={(event) => void take(event.currentTarget.files)} />
      <small>{t("dropHint")}</small>
    </>
  );
}

export function CreateTab() {
  const { mode } = form.value;
  const onSubmit = (event: Event) => {
    event.preventDefault();
    void generate();
  };
  return (
    <form class="create" noValidate onSubmit={onSubmit}>
      <section class="prompts card">
        <div class="modes" role="group">
          {modes.map((name) => (
            <button key={name} type="button" aria-pressed={mode === name} onClick={() => set({ mode: name })}>
              {t(name)}
            </button>
          ))}
        </div>
        <PromptBox />
        <StylePicker />
        <button class="primary" type="submit">
          {t("generate")}
        </button>
      </section>
      <ResultView />
      <section class="settings card">
        {mode !== "txt2img" && <StartForm />}
        {mode === "inpaint" && <InpaintForm />}
        <SettingsForm />
        {mode === "txt2img" && <HiresForm />}
        <ControlPanel />
        <MoreSettings />
        <FormTools />
      </section>
    </form>
  );
}
