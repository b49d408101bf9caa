// What the modes add to the form: a picture to start from, a mask, pixels outside, a second pass.
import { form, outpaints, set } from "../form";
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
      <ImageInput label={t("image")} value={f.image} onChange={(image) => set({ image })} />
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

// The first pixels that are added outside set the strength to drawing anew, and the size to that of the picture with them.
function addOutside(change: Partial<typeof form.value.outpaint>) {
  const first = !outpaints(form.value);
  set({ outpaint: { ...form.value.outpaint, ...change }, ...(first ? { strength: 1, width: 0, height: 0 } : {}) });
}

function OutpaintForm() {
  const { outpaint } = form.value;
  const { left, top, right, bottom } = outpaint;
  const side = { min: 0, max: 1024, step: 8 };
  const all = left === top && left === right && left === bottom ? left : 0;
  return (
    <fieldset class="grid">
      <legend>{t("outpaint")}</legend>
      {(["left", "top", "right", "bottom"] as const).map((name) => (
        <NumberField key={name} label={t(name)} {...side} value={outpaint[name]} onChange={(pixels) => addOutside({ [name]: pixels })} />
      ))}
      <NumberField label={t("allSides")} {...side} value={all} onChange={(pixels) => addOutside({ left: pixels, top: pixels, right: pixels, bottom: pixels })} />
    </fieldset>
  );
}

export function InpaintForm() {
  const f = form.value;
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
        {!outpaints(f) && <Toggle label={t("onlyMasked")} checked={f.onlyMasked} onChange={(onlyMasked) => set({ onlyMasked })} />}
        {!outpaints(f) && f.onlyMasked && <NumberField label={t("padding")} value={f.padding} min={0} max={256} step={4} onChange={(padding) => set({ padding })} />}
      </div>
      <OutpaintForm />
    </>
  );
}

export function HiresForm() {
  const f = form.value;
  return (
    <details open={f.hires}>
      <summary>{t("hires")}</summary>
      <Toggle label={t("hires")} checked={f.hires} onChange={(hires) => set({ hires })} />
      <div class="grid">
        <NumberField label={t("scale")} value={f.hiresScale} min={1} max={4} step={0.1} onChange={(hiresScale) => set({ hiresScale })} />
        <NumberField label={t("hiresSteps")} value={f.hiresSteps} min={1} max={150} unset={0} placeholder={t("auto")} onChange={(hiresSteps) => set({ hiresSteps })} />
        <Slider label={t("strength")} value={f.hiresStrength} onChange={(hiresStrength) => set({ hiresStrength })} />
        <Select label={t("upscaler")} value={f.hiresUpscaler} choices={names(abilities.value?.upscalers)} onChange={(hiresUpscaler) => set({ hiresUpscaler })} />
      </div>
    </details>
  );
}
