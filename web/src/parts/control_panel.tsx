// ControlNets and T2I-Adapters, each with a picture of its own that it follows.
import { useEffect, useState } from "preact/hooks";
import { canny } from "../api";
import { emptyControl, form, set, type ControlForm } from "../form";
import { reported } from "../run";
import { abilities } from "../state";
import { t } from "../texts";
import { Select, Slider, Toggle, names } from "./fields";
import { Button } from "./icons";
import { ImageInput } from "./image_input";

function Unit({ control, models, change, remove }: { control: ControlForm; models: string[]; change(part: Partial<ControlForm>): void; remove(): void }) {
  const [edges, setEdges] = useState("");
  const shows = control.image && control.preprocess === "canny";
  useEffect(() => setEdges(""), [control.image, control.preprocess]);
  const show = () =>
    reported(async () => {
      const [image] = (await canny(control.image)).images;
      setEdges(image ? `data:image/png;base64,${image}` : "");
    });
  return (
    <fieldset>
      <div class="row">
        <Select label={t("model")} value={control.model} choices={names(models)} onChange={(model) => change({ model })} />
        <Button icon="trash" label={t("remove")} onClick={remove} />
      </div>
      <ImageInput label={t("controlImage")} value={control.image} onChange={(image) => change({ image })} />
      <div class="grid">
        <Select
          label={t("preprocessor")}
          value={control.preprocess}
          choices={[
            { value: "canny", label: t("canny") },
            { value: "none", label: t("none") },
          ]}
          onChange={(preprocess) => change({ preprocess: preprocess as ControlForm["preprocess"] })}
        />
        <Slider label={t("strength")} value={control.strength} max={2} step={0.05} onChange={(strength) => change({ strength })} />
      </div>
      <div class="grid">
        <Slider label={t("start")} value={control.start} onChange={(start) => change({ start, end: Math.max(start, control.end) })} />
        <Slider label={t("end")} value={control.end} onChange={(end) => change({ end, start: Math.min(end, control.start) })} />
      </div>
      <Toggle label={t("guess")} checked={control.guess} onChange={(guess) => change({ guess })} />
      {shows && <Button icon="control" label={t("previewCanny")} text onClick={() => void show()} />}
      {shows && edges && <img class="edges" src={edges} alt={t("canny")} />}
    </fieldset>
  );
}

export function ControlPanel() {
  const models = abilities.value?.controls ?? [];
  const [first] = models;
  const { controls } = form.value;
  if (!first) return null;
  return (
    <details open={controls.length > 0}>
      <summary>
        {t("control")}
        {controls.length > 0 && <span class="badge">{controls.length}</span>}
      </summary>
      {controls.map((control, at) => (
        <Unit
          key={at}
          control={control}
          models={models}
          change={(part) => set({ controls: form.value.controls.map((other, i) => (i === at ? { ...other, ...part } : other)) })}
          remove={() => set({ controls: controls.filter((_, i) => i !== at) })}
        />
      ))}
      <Button icon="plus" label={t("addControl")} text onClick={() => set({ controls: [...controls, { ...emptyControl, model: first }] })} />
    </details>
  );
}
