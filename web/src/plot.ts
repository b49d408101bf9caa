// X/Y/Z plot: the values of up to three settings, each combination drawn once.
import { signal } from "@preact/signals";
import { form, type Form } from "./form";
import { loadImage } from "./pictures";
import { cancelJob, generate, message, running, shown } from "./run";
import { abilities } from "./state";
import { t } from "./texts";

export const axes = ["none", "seed", "steps", "guidance", "sampler", "scheduler", "model", "strength", "hiresStrength", "clipSkip", "width", "height", "prompt"] as const;
export type Axis = (typeof axes)[number];
const texts: readonly Axis[] = ["sampler", "scheduler", "model", "prompt"];
const mostPictures = 100;

// "1,2,3", "1-5" and "1-9(+2)" for numbers; names between commas for the others.
export function valuesOf(axis: Axis, text: string): string[] {
  if (axis === "none") return [""];
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
  if (texts.includes(axis)) return parts;
  return parts.flatMap((part) => {
    const range = /^(-?\d+)\s*-\s*(\d+)(?:\s*\(\+(\d+)\))?$/.exec(part);
    if (!range) return [part];
    const [first, last, step] = [Number(range[1]), Number(range[2]), Number(range[3] ?? 1) || 1];
    return Array.from({ length: Math.max(0, Math.min(mostPictures + 1, Math.floor((last - first) / step) + 1)) }, (_, i) => String(first + i * step));
  });
}

// A prompt axis replaces its first value in the prompt by each of its values, as the web UI's "Prompt S/R" does.
function changeOf({ axis, values }: Wanted, value: string, base: Form): Partial<Form> {
  if (axis === "none") return {};
  if (axis === "prompt") return { prompt: base.prompt.replaceAll(valuesOf(axis, values)[0] ?? "", value) };
  if (axis === "hiresStrength") return { hires: true, hiresStrength: Number(value) };
  if (axis === "model") return { model: value === abilities.value?.models[0] ? "" : value };
  return { [axis]: texts.includes(axis) ? value : Number(value) };
}

export interface Wanted {
  axis: Axis;
  values: string;
}
export type Name = "x" | "y" | "z";
export const plot = signal<Record<Name, Wanted>>({ x: { axis: "steps", values: "4, 8" }, y: { axis: "none", values: "" }, z: { axis: "none", values: "" } });

// A plot that is drawn or being drawn: its labels, and the pictures' addresses by "x/y/z" counted from 0.
export interface Plot {
  labels: Record<Name, string[]>;
  cells: Record<string, string>;
  total: number;
  drawing: boolean;
}
export const drawn = signal<Plot | null>(null);
export const cellKey = (x: number, y: number, z: number) => `${x}/${y}/${z}`;

const label = ({ axis }: Wanted, value: string) => (axis === "none" ? "" : `${axis === "prompt" ? t("prompt") : axisName(axis)}: ${value}`);
export function axisName(axis: Axis): string {
  if (axis === "prompt") return t("promptReplaced");
  return axis === "hiresStrength" ? `${t("hires")}: ${t("strength")}` : t(axis);
}

export async function drawPlot() {
  const base = form.value;
  const { x, y, z } = plot.value;
  const values = { x: valuesOf(x.axis, x.values), y: valuesOf(y.axis, y.values), z: valuesOf(z.axis, z.values) };
  const total = values.x.length * values.y.length * values.z.length;
  if (total > mostPictures) return void (message.value = t("plotTooLarge", mostPictures));
  const seed = base.seed >= 0 ? base.seed : Math.floor(Math.random() * 2 ** 32);
  const labels = { x: values.x.map((v) => label(x, v)), y: values.y.map((v) => label(y, v)), z: values.z.map((v) => label(z, v)) };
  drawn.value = { labels, cells: {}, total, drawing: true };
  draw: for (const [k, c] of values.z.entries())
    for (const [j, b] of values.y.entries())
      for (const [i, a] of values.x.entries()) {
        const done = await generate({ ...base, batch: 1, count: 1, seed, ...changeOf(z, c, base), ...changeOf(y, b, base), ...changeOf(x, a, base) });
        const picture = shown.value.pictures[0];
        if (!done || !picture || !drawn.value.drawing) break draw;
        drawn.value = { ...drawn.value, cells: { ...drawn.value.cells, [cellKey(i, j, k)]: picture.url } };
      }
  drawn.value = { ...drawn.value, drawing: false };
}

export async function stopPlot() {
  if (drawn.value) drawn.value = { ...drawn.value, drawing: false };
  if (running.value) await cancelJob(running.value.job);
}

// The whole plot with its labels as one picture.
export async function plotPicture({ labels, cells }: Plot): Promise<string> {
  const pictures = new Map(await Promise.all(Object.entries(cells).map(async ([key, url]) => [key, await loadImage(url)] as const)));
  const width = Math.max(...[...pictures.values()].map((image) => image.naturalWidth));
  const height = Math.max(...[...pictures.values()].map((image) => image.naturalHeight));
  const [gap, line, side] = [4, 32, labels.y.some(Boolean) ? 160 : 0];
  const canvas = document.createElement("canvas");
  canvas.width = side + labels.x.length * (width + gap);
  canvas.height = labels.z.length * (2 * line + labels.y.length * (height + gap));
  const context = canvas.getContext("2d")!;
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "black";
  context.font = "16px sans-serif";
  labels.z.forEach((z, k) => {
    const top = k * (2 * line + labels.y.length * (height + gap));
    context.fillText(z, gap, top + 22, canvas.width);
    labels.x.forEach((x, i) => context.fillText(x, side + i * (width + gap), top + line + 22, width));
    labels.y.forEach((y, j) => {
      const row = top + 2 * line + j * (height + gap);
      if (side) context.fillText(y, gap, row + height / 2, side - 2 * gap);
      labels.x.forEach((_, i) => {
        const image = pictures.get(cellKey(i, j, k));
        if (image) context.drawImage(image, side + i * (width + gap), row);
      });
    });
  });
  return canvas.toDataURL("image/png");
}
