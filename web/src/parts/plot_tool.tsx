// The plot over up to three settings.
import { abilities } from "../state";
import { reported } from "../run";
import { axes, axisName, cellKey, drawPlot, drawn, plot, plotPicture, stopPlot, type Axis, type Name, type Plot, type Wanted } from "../plot";
import { downloadUri } from "../pictures";
import { t } from "../texts";
import { Field, Select } from "./fields";
import { Button } from "./icons";

// Names that an axis may take, offered while one types.
function suggestions(axis: Axis): string[] {
  const a = abilities.value;
  if (axis === "sampler") return (a?.samplers ?? []).map((entry) => entry.name);
  if (axis === "scheduler") return (a?.schedulers ?? []).map((entry) => entry.name);
  return axis === "model" ? (a?.models ?? []) : [];
}

function AxisFields({ name }: { name: Name }) {
  const { axis, values } = plot.value[name];
  const change = (part: Partial<Wanted>) => (plot.value = { ...plot.value, [name]: { ...plot.value[name], ...part } });
  const letter = name.toUpperCase();
  const list = suggestions(axis);
  return (
    <div class="grid">
      <Select label={t("axisOf", letter)} value={axis} choices={axes.map((value) => ({ value, label: axisName(value) }))} onChange={(value) => change({ axis: value as Axis })} />
      {axis !== "none" && (
        <Field label={t("valuesOf", letter)} hint={list.join(", ")}>
          <input value={values} placeholder={list.slice(0, 3).join(", ") || "1, 2, 4-8(+2)"} onInput={(event) => change({ values: event.currentTarget.value })} />
        </Field>
      )}
    </div>
  );
}

const PlotTables = ({ labels, cells }: Plot) => (
  <>
    {labels.z.map((z, k) => (
      <table key={z} class="plot">
        {z && <caption>{z}</caption>}
        <thead>
          <tr>
            {labels.y.some(Boolean) && <th />}
            {labels.x.map((x) => (
              <th key={x} scope="col">
                {x}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {labels.y.map((y, j) => (
            <tr key={y}>
              {y && <th scope="row">{y}</th>}
              {labels.x.map((x, i) => {
                const url = cells[cellKey(i, j, k)];
                return <td key={x}>{url && <img src={url} alt={[x, y, z].filter(Boolean).join(", ")} />}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    ))}
  </>
);

export function PlotTool() {
  const now = drawn.value;
  const count = now ? Object.keys(now.cells).length : 0;
  return (
    <fieldset class="card">
      <legend>{t("plot")}</legend>
      <AxisFields name="x" />
      <AxisFields name="y" />
      <AxisFields name="z" />
      <div class="row">
        {now?.drawing ? (
          <>
            <progress max={now.total} value={count} aria-label={t("plot")} />
            <span class="faint">
              {count}/{now.total}
            </span>
            <Button icon="stop" label={t("stop")} text onClick={() => void stopPlot()} />
          </>
        ) : (
          <button class="primary" type="button" onClick={() => void drawPlot()}>
            {t("draw")}
          </button>
        )}
        {now && count > 0 && !now.drawing && <Button icon="download" label={t("download")} text onClick={() => void reported(async () => downloadUri(await plotPicture(now), "plot.png"))} />}
      </div>
      {now && count > 0 && <PlotTables {...now} />}
    </fieldset>
  );
}
