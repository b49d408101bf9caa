// Settings that few people need, with the ranges and the help that the server tells of its fields.
import type { FieldInfo } from "../api";
import { form, set } from "../form";
import { abilities } from "../state";
import { t, type Word } from "../texts";
import { Field, Select, Toggle, names } from "./fields";

const rows: [string, Word][] = [
  ["variation_seed", "variationSeed"],
  ["variation_strength", "variationStrength"],
  ["guidance_rescale", "guidanceRescale"],
  ["guidance_end", "guidanceEnd"],
  ["image_guidance", "imageGuidance"],
  ["eta", "eta"],
  ["freeu", "freeu"],
  ["compat", "compat"],
  ["refiner", "refiner"],
  ["refiner_switch", "refinerSwitch"],
  ["tiling", "tiling"],
  ["vae_tiling", "vaeTiling"],
];

function change(name: string, value: string) {
  const { [name]: _, ...rest } = form.value.more;
  set({ more: value === "" ? rest : { ...rest, [name]: value } });
}

function Setting({ info, label }: { info: FieldInfo; label: string }) {
  const value = form.value.more[info.name] ?? "";
  const take = (text: string) => change(info.name, text);
  const choices = info.name === "refiner" ? (abilities.value?.models ?? []) : info.choices;
  if (info.allowed === "true or false") return <Toggle label={label} hint={info.help} checked={value === "true"} onChange={(on) => take(on ? "true" : "")} />;
  if (choices.length) return <Select label={label} hint={info.help} value={value} choices={[{ value: "", label: t("auto") }, ...names(choices)]} onChange={take} />;
  return (
    <Field label={label} hint={`${info.help} (${info.allowed})`}>
      <input value={value} placeholder={t("auto")} onInput={(event) => take(event.currentTarget.value)} />
    </Field>
  );
}

export function MoreSettings() {
  const fields = abilities.value?.fields ?? [];
  return (
    <details>
      <summary>
        {t("moreSettings")}
        {Object.keys(form.value.more).length > 0 && <span class="badge">{Object.keys(form.value.more).length}</span>}
      </summary>
      <div class="grid">
        {rows.map(([name, word]) => {
          const info = fields.find((field) => field.name === name);
          return info && <Setting key={name} info={info} label={t(word)} />;
        })}
      </div>
    </details>
  );
}
