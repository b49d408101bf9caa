// What the modes add to the form: a picture to start from, a mask, a second pass, ControlNet.
import { useEffect, useState } from "preact/hooks";
import { canny } from "../api";
import { form, set, type ControlForm } from "../form";
import { reported } from "../run";
import { abilities } from "../state";
import { t } from "../texts";
import { NumberField, Select, Slider, Toggle, names } from "./fields";
import { ImageInput } from "./image_input";
import { MaskCanvas } from "./mask_canvas";

const numbered = (labels: string[]) => labels.map((label, value) => ({ value: String(value), label }));

export function StartForm() {
  const f = form.value;
  return (
    <>
      <ImageInput label={t("image")} value={f.image} onChange={(image) => set({ image, mask: "" })} />
      <div class="grid">
        <Slider label={t("strength")} value={f.strength} onChange={(strength) => set({ strength })} />
        <Select
          label={t("resizeMode")}
          value={String(f.resizeMode)}
          choices={numbered([t("stretch"), t("crop"), t("fill"), t("latent")])}
          onChange={(mode) => set({ resizeMode: Number(mode) })}
        />
      </div>
    </>
  );
}

export function InpaintForm() {
  const f = form.value;
  const sides = ["left", "top", "right", "bottom"] as const;
  return (
    <>
      {f.image && <MaskCanvas />}
      <div class="grid">
        <NumberField label={t("maskBlur")} value={f.maskBlur} min={0} max={64} onChange={(maskBlur) => set({ maskBlur })} />
        <Select
          label={t("content")}
          value={String(f.fill)}
          choices={numbered([t("contentFill"), t("contentOriginal"), t("contentNoise"), t("contentNothing")])}
          onChange={(fill) => set({ fill: Number(fill) })}
        />
        <Toggle label={t("onlyMasked")} checked={f.onlyMasked} onChange={(onlyMasked) => set({ onlyMasked })} />
        {f.onlyMasked && <NumberField label={t("padding")} value={f.padding} min={0} max={256} step={4} onChange={(padding) => set({ padding })} />}
      </div>
      <fieldset class="grid">
        <legend>{t("outpaint")}</legend>
        {sides.map((side) => (
          <NumberField key={side} label={t(side)} value={f.outpaint[side]} min={0} max={1024} step={8} onChange={(pixels) => set({ outpaint: { ...f.outpaint, [side]: pixels } })} />
        ))}
      </fieldset>
    </>
  );
}

export function HiresForm() {
  const f = form.value;
  const upscalers = abilities.value?.upscalers ?? ["Latent", "lanczos", "bicubic", "nearest"];
  return (
    <details open={f.hires}>
      <summary>{t("hires")}</summary>
      <Toggle label={t("hires")} checked={f.hires} onChange={(hires) => set({ hires })} />
      <div class="grid">
        <NumberField label={t("scale")} value={f.hiresScale} min={1} max={4} step={0.1} onChange={(hiresScale) => set({ hiresScale })} />
        <NumberField label={`${t("steps")} 2`} value={f.hiresSteps} min={0} max={150} unset={0} placeholder={String(f.steps || "")} onChange={(hiresSteps) => set({ hiresSteps })} />
        <Slider label={t("strength")} value={f.hiresStrength} onChange={(hiresStrength) => set({ hiresStrength })} />
        <Select label={t("upscaler")} value={f.hiresUpscaler} choices={names(upscalers)} onChange={(hiresUpscaler) => set({ hiresUpscaler })} />
      </div>
    </details>
  );
}

export function ControlPanel() {
  const [edges, setEdges] = useState("");
  const control = form.value.control;
  const change = (part: Partial<ControlForm>) => set({ control: { ...form.value.control, ...part } });
  const show = () =>
    reported(async () => {
      const [image] = (await canny(control.image)).images;
      setEdges(image ? `data:image/png;base64,${image}` : "");
    });
  const models = abilities.value?.controls ?? [];
  const [first] = models;
  useEffect(() => {
    if (first && !models.includes(control.model)) change({ model: first });
  }, [first]);
  if (!first) return null;
  return (
    <details open={control.enabled}>
      <summary>{t("control")}</summary>
      <Toggle label={t("control")} checked={control.enabled} onChange={(enabled) => change({ enabled })} />
      <ImageInput
        label={t("image")}
        value={control.image}
        onChange={(image) => {
          change({ image });
          setEdges("");
        }}
      />
      <div class="grid">
        <Select label={t("model")} value={control.model} choices={names(models)} onChange={(model) => change({ model })} />
        <Select
          label={t("preprocessor")}
          value={control.preprocess}
          choices={[
            { value: "canny", label: "Canny" },
            { value: "none", label: t("none") },
          ]}
          onChange={(preprocess) => change({ preprocess: preprocess as ControlForm["preprocess"] })}
        />
        <Slider label={t("strength")} value={control.strength} max={2} step={0.05} onChange={(strength) => change({ strength })} />
        <Slider label={t("start")} value={control.start} onChange={(start) => change({ start })} />
        <Slider label={t("end")} value={control.end} onChange={(end) => change({ end })} />
      </div>
      {control.image && control.preprocess === "canny" && (
        <button type="button" onClick={() => void show()}>
          {t("previewCanny")}
        </button>
      )}
      {edges && <img class="edges" src={edges} alt={t("previewCanny")} />}
    </details>
  );
}
