// Prompts that the browser keeps under a name: {prompt} in a style stands for the prompt, else the style is appended.
import { form, set } from "../form";
import { styles } from "../state";
import { t } from "../texts";
import { Select, names } from "./fields";

const joined = (prompt: string, style: string) =>
  style.includes("{prompt}") ? style.replaceAll("{prompt}", prompt) : [prompt.trim(), style.trim()].filter(Boolean).join(", ");

export function StylePicker() {
  const apply = (name: string) => {
    const style = styles.value.find((known) => known.name === name);
    if (style) set({ prompt: joined(form.value.prompt, style.prompt), negative: joined(form.value.negative, style.negative) });
  };
  const keep = () => {
    const name = window.prompt(t("styleName"))?.trim();
    if (name) styles.value = [...styles.value.filter((style) => style.name !== name), { name, prompt: form.value.prompt, negative: form.value.negative }];
  };
  const remove = () => {
    const name = window.prompt(t("removeStyle"), styles.value.at(-1)?.name)?.trim();
    styles.value = styles.value.filter((style) => style.name !== name);
  };
  return (
    <div class="row">
      <Select label={t("style")} value="" choices={[{ value: "", label: t("none") }, ...names(styles.value.map((style) => style.name))]} onChange={apply} />
      <button type="button" onClick={keep}>
        {t("saveStyle")}
      </button>
      {styles.value.length > 0 && (
        <button type="button" onClick={remove}>
          {t("removeStyle")}
        </button>
      )}
    </div>
  );
}
