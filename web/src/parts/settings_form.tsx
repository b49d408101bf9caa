// Model, size, sampling and seed.
import { form, set } from "../form";
import { reported, shown } from "../run";
import { abilities, refreshAbilities } from "../state";
import { t } from "../texts";
import { NumberField, Select, names } from "./fields";

const sizes = [
  [512, 512],
  [512, 768],
  [768, 512],
  [768, 768],
  [1024, 1024],
  [832, 1216],
  [1216, 832],
] as const;

function ModelRow() {
  const a = abilities.value;
  const insert = (name: string) => name && set({ prompt: `${form.value.prompt} <lora:${name}:1>`.trim() });
  const labelled = (list: { name: string; label: string }[] | undefined) => [
    { value: "", label: t("modelsOwn") },
    ...(list ?? []).map((entry) => ({ value: entry.name, label: entry.label })),
  ];
  return (
    <div class="grid">
      <Select label={t("model")} value={form.value.model} choices={[{ value: "", label: t("builtin") }, ...names(a?.models)]} onChange={(model) => set({ model })} />
      <button type="button" aria-label={t("refresh")} title={t("refresh")} onClick={() => void reported(refreshAbilities)}>
        ↻
      </button>
      {!!a?.vaes?.length && <Select label="VAE" value={form.value.vae} choices={[{ value: "", label: t("modelsOwn") }, ...names(a.vaes)]} onChange={(vae) => set({ vae })} />}
      {!!a?.loras.length && <Select label={t("lora")} value="" choices={[{ value: "", label: t("insertLora") }, ...names(a.loras)]} onChange={insert} />}
      <Select label={t("sampler")} value={form.value.sampler} choices={labelled(a?.samplers)} onChange={(sampler) => set({ sampler })} />
      <Select label={t("scheduler")} value={form.value.scheduler} choices={labelled(a?.schedulers)} onChange={(scheduler) => set({ scheduler })} />
    </div>
  );
}

function SizeRow() {
  const { width, height } = form.value;
  const preset = sizes.find(([w, h]) => w === width && h === height);
  return (
    <div class="grid">
      <Select
        label={t("size")}
        value={preset ? preset.join("x") : width || height ? `${width}x${height}` : ""}
        choices={[{ value: "", label: t("modelsOwn") }, ...names(sizes.map((size) => size.join("x")))]}
        onChange={(text) => {
          const [w = 0, h = 0] = text.split("x").map(Number);
          set({ width: w, height: h });
        }}
      />
      <NumberField label={t("width")} value={width} min={64} max={8192} step={8} unset={0} placeholder={t("modelsOwn")} onChange={(value) => set({ width: value })} />
      <NumberField label={t("height")} value={height} min={64} max={8192} step={8} unset={0} placeholder={t("modelsOwn")} onChange={(value) => set({ height: value })} />
      <button type="button" aria-label={t("swap")} title={t("swap")} onClick={() => set({ width: height, height: width })}>
        ⇄
      </button>
    </div>
  );
}

function SeedRow() {
  const reuse = () => {
    const seed = shown.value.info?.images[0]?.seed;
    if (seed !== undefined) set({ seed });
  };
  return (
    <div class="grid">
      <NumberField label={t("seed")} value={form.value.seed} min={-1} unset={-1} placeholder={t("randomSeed")} onChange={(seed) => set({ seed })} />
      <button type="button" aria-label={t("randomSeed")} title={t("randomSeed")} onClick={() => set({ seed: -1 })}>
        🎲
      </button>
      <button type="button" aria-label={t("reuseSeed")} title={t("reuseSeed")} onClick={reuse}>
        ♻
      </button>
      <NumberField label={t("batch")} value={form.value.batch} min={1} max={16} onChange={(batch) => set({ batch })} />
      <NumberField label={t("count")} value={form.value.count} min={1} max={16} onChange={(count) => set({ count })} />
    </div>
  );
}

export function SettingsForm() {
  return (
    <>
      <ModelRow />
      <SizeRow />
      <div class="grid">
        <NumberField label={t("steps")} value={form.value.steps} min={1} max={150} unset={0} placeholder={t("modelsOwn")} onChange={(steps) => set({ steps })} />
        <NumberField label={t("guidance")} value={form.value.guidance} min={0} max={30} step={0.5} unset={-1} placeholder={t("modelsOwn")} onChange={(guidance) => set({ guidance })} />
        <NumberField label={t("clipSkip")} value={form.value.clipSkip} min={1} max={12} unset={0} placeholder={t("modelsOwn")} onChange={(clipSkip) => set({ clipSkip })} />
      </div>
      <SeedRow />
    </>
  );
}
