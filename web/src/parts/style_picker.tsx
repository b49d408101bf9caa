// Styles: those of the server go with the request; those that the browser keeps are put into the prompts: {prompt} in a style
// stands for the prompt, else the style is appended.
import { form, set } from "../form";
import { abilities, styles } from "../state";
import { t } from "../texts";
import { Field, options } from "./fields";
import { Button } from "./icons";

const joined = (prompt: string, style: string) =>
  style.includes("{prompt}") ? style.replaceAll("{prompt}", prompt) : [prompt.trim(), style.trim()].filter(Boolean).join(", ");

function keep() {
  const name = window.prompt(t("styleName"))?.trim();
  if (name) styles.value = [...styles.value.filter((style) => style.name !== name), { name, prompt: form.value.prompt, negative: form.value.negative }];
}

function removeOne() {
  const name = window.prompt(t("removeStyle"), styles.value.at(-1)?.name)?.trim();
  styles.value = styles.value.filter((style) => style.name !== name);
}

export function StylePicker() {
  const chosen = form.value.styles;
  const served = (abilities.value?.styles ?? []).filter((name) => !chosen.includes(name));
  const apply = (value: string) => {
    const name = value.slice(1);
    if (value.startsWith("s")) return void set({ styles: [...chosen, name] });
    const style = styles.value.find((known) => known.name === name);
    if (style) set({ prompt: joined(form.value.prompt, style.prompt), negative: joined(form.value.negative, style.negative) });
  };
  const group = (label: string, mark: string, list: string[]) =>
    list.length > 0 && <optgroup label={label}>{options(list.map((name) => ({ value: mark + name, label: name })))}</optgroup>;
  return (
    <div class="styles">
      {chosen.map((name) => (
        <span key={name} class="chip">
          {name}
          <Button icon="close" label={t("removeNamed", name)} onClick={() => set({ styles: chosen.filter((other) => other !== name) })} />
        </span>
      ))}
      <div class="row">
        <Field label={t("style")}>
          <select aria-label={t("style")} value="" onChange={(event) => apply(event.currentTarget.value)}>
            <option value="">{t("addStyle")}</option>
            {group(t("serverStyles"), "s", served)}
            {group(t("ownStyles"), "b", styles.value.map((style) => style.name))}
          </select>
        </Field>
        <Button icon="plus" label={t("saveStyle")} onClick={keep} />
        {styles.value.length > 0 && <Button icon="trash" label={t("removeStyle")} onClick={removeOne} />}
      </div>
    </div>
  );
}
