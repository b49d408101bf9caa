// Upscaling a picture, a plot over two settings.
import { useState } from "preact/hooks";
import { upscale } from "../api";
import { form } from "../form";
import { axes, changeOf, valuesOf, type Axis } from "../plot";
import { downloadUri } from "../pictures";
import { generate, message, reported, shown } from "../run";
import { abilities, upscaleImage } from "../state";
import { t } from "../texts";
import { Compare } from "./compare";
import { DownloadTool } from "./download_tool";
import { Field, NumberField, Select, names } from "./fields";
import { ImageInput } from "./image_input";

function UpscaleTool() {
  const [scale, setScale] = useState(2);
  const [upscaler, setUpscaler] = useState("Lanczos");
  const [result, setResult] = useState("");
  const list = (abilities.value?.upscalers ?? ["Lanczos", "Nearest"]).filter((name) => !name.startsWith("Latent"));
  const run = () => reported(async () => setResult(`data:image/png;base64,${(await upscale(upscaleImage.value, upscaler, scale)).image}`));
  return (
    <fieldset>
      <legend>{t("upscale")}</legend>
      <ImageInput
        label={t("image")}
        value={upscaleImage.value}
        onChange={(image) => {
          upscaleImage.value = image;
          setResult("");
        }}
      />
      <div class="grid">
        <NumberField label={t("scale")} value={scale} min={1} max={8} step={0.5} onChange={setScale} />
        <Select label={t("upscaler")} value={upscaler} choices={names(list)} onChange={setUpscaler} />
      </div>
      <button type="button" disabled={!upscaleImage.value} onClick={() => void run()}>
        {t("upscale")}
      </button>
      {result && (
        <>
          <Compare before={upscaleImage.value} after={result} />
          <button type="button" onClick={() => downloadUri(result, "upscaled.png")}>
            {t("download")}
          </button>
        </>
      )}
    </fieldset>
  );
}

function AxisFields(props: { name: string; axis: Axis; values: string; onAxis(axis: Axis): void; onValues(values: string): void }) {
  return (
    <div class="grid">
      <Select label={`${props.name} ${t("axis")}`} value={props.axis} choices={names([...axes])} onChange={(axis) => props.onAxis(axis as Axis)} />
      <Field label={`${props.name} ${t("values")}`}>
        <input value={props.values} onInput={(event) => props.onValues(event.currentTarget.value)} />
      </Field>
    </div>
  );
}

function PlotTool() {
  const [x, setX] = useState<{ axis: Axis; values: string }>({ axis: "steps", values: "4, 8" });
  const [y, setY] = useState<{ axis: Axis; values: string }>({ axis: "none", values: "" });
  const [cells, setCells] = useState<Record<string, string>>({});
  const xs = valuesOf(x.axis, x.values);
  const ys = valuesOf(y.axis, y.values);
  const draw = () =>
    reported(async () => {
      const base = form.value;
      const seed = base.seed >= 0 ? base.seed : Math.floor(Math.random() * 2 ** 32);
      setCells({});
      for (const b of ys)
        for (const a of xs) {
          await generate({ ...base, seed, ...changeOf(y.axis, b, ys, base), ...changeOf(x.axis, a, xs, base) });
          const [picture] = shown.value.pictures;
          if (message.value || !picture) return;
          setCells((all) => ({ ...all, [`${a}/${b}`]: picture }));
        }
    });
  return (
    <fieldset>
      <legend>{t("plot")}</legend>
      <AxisFields name="X" {...x} onAxis={(axis) => setX({ ...x, axis })} onValues={(values) => setX({ ...x, values })} />
      <AxisFields name="Y" {...y} onAxis={(axis) => setY({ ...y, axis })} onValues={(values) => setY({ ...y, values })} />
      <button type="button" onClick={() => void draw()}>
        {t("draw")}
      </button>
      <table class="plot">
        <thead>
          <tr>
            <th />
            {xs.map((a) => (
              <th key={a}>{a}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ys.map((b) => (
            <tr key={b}>
              <th>{b}</th>
              {xs.map((a) => (
                <td key={a}>{cells[`${a}/${b}`] && <img src={cells[`${a}/${b}`]} alt={`${a} ${b}`} />}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </fieldset>
  );
}

export function ToolsTab() {
  return (
    <section class="tools">
      {message.value && (
        <p class="message" role="alert">
          {message.value}
        </p>
      )}
      <UpscaleTool />
      <PlotTool />
      {abilities.value?.downloads && <DownloadTool />}
    </section>
  );
}
