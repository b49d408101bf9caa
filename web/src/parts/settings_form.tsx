// Model, size, sampling and seed.
import { form, set } from "../form";
import { reported, shown } from "../run";
import { abilities, refreshAbilities } from "../state";
import { t } from "../texts";
import { NumberField, Select, names } from "./fields";
import { Button } from "./icons";

const sizes = ["512x512", "512x768", "768x512", "768x768", "1024x1024", "832x1216", "1216x832"];

const insert = (text: string) => set({ prompt: `${form.value.prompt} ${text}`.trim() });

function ModelRows() {
  const a = abilities.value;
  const [builtin, ...others] = a?.models ?? [];
  const own = { value: "", label: t("auto") };
  return (
    <>
      <div class="row">
        <Select label={t("model")} value={form.value.model} choices={[{ value: "", label: builtin ? `${builtin} (${t("builtin")})` : t("builtin") }, ...names(others)]} onChange={(model) => set({ model })} />
        <Button icon="refresh" label={t("refresh")} onClick={() => void reported(refreshAbilities)} />
      </div>
      <div class="grid">
        {!!a?.vaes?.length && <Select label={t("vae")} hint={t("modelsOwn")} value={form.value.vae} choices={[own, ...names(a.vaes)]} onChange={(vae) => set({ vae })} />}
        {!!a?.loras.length && <Select label={t("lora")} hint={t("insertIntoPrompt")} value="" choices={[{ value: "", label: t("insert") }, ...names(a.loras)]} onChange={(name) => insert(`<lora:${name}:1>`)} />}
        {!!a?.embeddings.length && <Select label={t("embedding")} hint={t("insertIntoPrompt")} value="" choices={[{ value: "", label: t("insert") }, ...names(a.embeddings)]} onChange={insert} />}
      </div>
    </>
  );
}

function SamplingRows() {
  const a = abilities.value;
  const f = form.value;
  const labelled = (list: { name: string; label: string }[] | undefined) => [{ value: "", label: t("auto") }, ...(list ?? []).map((entry) => ({ value: entry.name, label: entry.label }))];
  const open = { hint: t("modelsOwn"), placeholder: t("auto") };
  return (
    <>
      <div class="grid">
        <Select label={t("sampler")} hint={t("modelsOwn")} value={f.sampler} choices={labelled(a?.samplers)} onChange={(sampler) => set({ sampler })} />
        <Select label={t("scheduler")} hint={t("modelsOwn")} value={f.scheduler} choices={labelled(a?.schedulers)} onChange={(scheduler) => set({ scheduler })} />
      </div>
      <div class="grid">
        <NumberField label={t("steps")} {...open} value={f.steps} min={1} max={150} unset={0} onChange={(steps) => set({ steps })} />
        <NumberField label={t("guidance")} {...open} value={f.guidance} min={0} max={30} step={0.5} unset={-1} onChange={(guidance) => set({ guidance })} />
        <NumberField label={t("clipSkip")} {...open} value={f.clipSkip} min={1} max={12} unset={0} onChange={(clipSkip) => set({ clipSkip })} />
      </div>
    </>
  );
}

function SizeRow() {
  const { width, height } = form.value;
  const size = width || height ? `${width || t("auto")}x${height || t("auto")}` : "";
  const side = { hint: t("modelsOwn"), placeholder: t("auto"), min: 64, max: 8192, step: 8, unset: 0 };
  return (
    <div class="row size">
      <Select
        label={t("size")}
        hint={t("modelsOwn")}
        value={size}
        choices={[{ value: "", label: t("auto") }, ...names(sizes)]}
        onChange={(text) => {
          const [w = 0, h = 0] = text.split("x").map(Number);
          set({ width: w, height: h });
        }}
      />
      <NumberField label={t("width")} {...side} value={width} onChange={(value) => set({ width: value })} />
      <Button icon="swap" label={t("swap")} onClick={() => set({ width: height, height: width })} />
      <NumberField label={t("height")} {...side} value={height} onChange={(value) => set({ height: value })} />
    </div>
  );
}

function SeedRow() {
  const seed = shown.value.pictures[0]?.seed;
  return (
    <div class="row seed">
      <NumberField label={t("seed")} value={form.value.seed} min={-1} unset={-1} placeholder={t("random")} onChange={(value) => set({ seed: value })} />
      <Button icon="dice" label={t("randomSeed")} onClick={() => set({ seed: -1 })} />
      <Button icon="reuse" label={t("reuseSeed")} disabled={seed === undefined} onClick={() => seed !== undefined && set({ seed })} />
      <NumberField label={t("batch")} hint={t("batchHint")} value={form.value.batch} min={1} max={16} onChange={(batch) => set({ batch })} />
      <NumberField label={t("count")} hint={t("countHint")} value={form.value.count} min={1} max={16} onChange={(count) => set({ count })} />
    </div>
  );
}

export const SettingsForm = () => (
  <>
    <ModelRows />
    <SizeRow />
    <SamplingRows />
    <SeedRow />
  </>
);
