// X/Y plot: the values of two settings, each combination drawn once.
import type { Form } from "./form";

export const axes = ["none", "seed", "steps", "guidance", "sampler", "scheduler", "strength", "clipSkip", "prompt"] as const;
export type Axis = (typeof axes)[number];

// "1,2,3", "1-5" and "1-9(+2)" for numbers; names between commas for the others.
export function valuesOf(axis: Axis, text: string): string[] {
  if (axis === "none") return [""];
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
  if (axis === "sampler" || axis === "scheduler" || axis === "prompt") return parts;
  return parts.flatMap((part) => {
    const range = /^(-?\d+)\s*-\s*(\d+)(?:\s*\(\+(\d+)\))?$/.exec(part);
    if (!range) return [part];
    const [first, last, step] = [Number(range[1]), Number(range[2]), Number(range[3] ?? 1) || 1];
    return Array.from({ length: Math.max(0, Math.min(100, Math.floor((last - first) / step) + 1)) }, (_, i) => String(first + i * step));
  });
}

// A prompt axis replaces its first value in the prompt by each of its values, as the web UI's "Prompt S/R" does.
export function changeOf(axis: Axis, value: string, values: string[], form: Form): Partial<Form> {
  if (axis === "none") return {};
  if (axis === "prompt") return { prompt: form.prompt.replaceAll(values[0] ?? "", value) };
  if (axis === "sampler" || axis === "scheduler") return { [axis]: value };
  return { [axis]: Number(value) };
}
