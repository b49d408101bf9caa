// What the form holds, kept in the browser between visits, and the request that it makes.
import { effect, signal } from "@preact/signals";

export type Mode = "txt2img" | "img2img" | "inpaint";

export interface ControlForm {
  model: string;
  image: string;
  preprocess: "none" | "canny";
  strength: number;
  start: number;
  end: number;
  guess: boolean;
}

export interface Form {
  mode: Mode;
  prompt: string;
  negative: string;
  styles: string[]; // of the server
  model: string;
  vae: string;
  width: number;
  height: number;
  steps: number;
  guidance: number;
  sampler: string;
  scheduler: string;
  seed: number;
  batch: number;
  count: number;
  clipSkip: number;
  image: string; // data URI of the picture to start from
  mask: string; // data URI, white is drawn anew
  strength: number;
  resizeMode: number;
  maskBlur: number;
  onlyMasked: boolean;
  padding: number;
  fill: number;
  outpaint: { left: number; top: number; right: number; bottom: number };
  hires: boolean;
  hiresScale: number;
  hiresSteps: number;
  hiresStrength: number;
  hiresUpscaler: string;
  controls: ControlForm[];
  more: Record<string, string>; // fields of the request that few people need, by name
}

export const emptyControl: ControlForm = { model: "", image: "", preprocess: "canny", strength: 1, start: 0, end: 1, guess: false };

// Zeros, -1 for seed and guidance and "" leave the choice to the model.
export const emptyForm: Form = {
  mode: "txt2img",
  prompt: "",
  negative: "",
  styles: [],
  model: "",
  vae: "",
  width: 0,
  height: 0,
  steps: 0,
  guidance: -1,
  sampler: "",
  scheduler: "",
  seed: -1,
  batch: 1,
  count: 1,
  clipSkip: 0,
  image: "",
  mask: "",
  strength: 0.75,
  resizeMode: 0,
  maskBlur: 4,
  onlyMasked: false,
  padding: 32,
  fill: 1,
  outpaint: { left: 0, top: 0, right: 0, bottom: 0 },
  hires: false,
  hiresScale: 2,
  hiresSteps: 0,
  hiresStrength: 0.7,
  hiresUpscaler: "Latent",
  controls: [],
  more: {},
};

const key = "imagent.form";

function stored(): Form {
  try {
    return { ...emptyForm, ...(JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<Form>) };
  } catch {
    return emptyForm;
  }
}

export const form = signal<Form>(stored());
export const set = (change: Partial<Form>) => (form.value = { ...form.value, ...change });

// Pictures are too large for the browser's store: only settings are kept.
effect(() => {
  const kept = { ...form.value, image: "", mask: "", controls: form.value.controls.map((control) => ({ ...control, image: "" })) };
  localStorage.setItem(key, JSON.stringify(kept));
});

export const outpaints = (form: Form) => form.mode === "inpaint" && Object.values(form.outpaint).some((pixels) => pixels > 0);

// What is left out is the model's own choice.
export function requestOf(form: Form): Record<string, unknown> {
  const request: Record<string, unknown> = { prompt: form.prompt, defaults: "model", preview_every: 2, batch: form.batch, batches: form.count, seed: form.seed, ...form.more };
  const put = (name: string, value: unknown, given: boolean) => {
    if (given) request[name] = value;
  };
  put("negative_prompt", form.negative, form.negative !== "");
  put("styles", form.styles, form.styles.length > 0);
  put("model", form.model, form.model !== "");
  put("vae", form.vae, form.vae !== "");
  put("width", form.width, form.width > 0);
  put("height", form.height, form.height > 0);
  put("steps", form.steps, form.steps > 0);
  put("guidance_scale", form.guidance, form.guidance >= 0);
  put("sampler", form.sampler, form.sampler !== "");
  put("scheduler", form.scheduler, form.scheduler !== "");
  put("clip_skip", form.clipSkip, form.clipSkip > 0);
  if (form.mode !== "txt2img") {
    request.operation = form.mode === "inpaint" && form.mask ? "image_inpaint" : "image_transform";
    Object.assign(request, { init_image: form.image, strength: form.strength, resize_mode: form.resizeMode });
  }
  if (form.mode === "inpaint") {
    if (form.mask) request.mask_image = form.mask;
    Object.assign(request, { mask_blur: form.maskBlur, only_masked: form.onlyMasked && !outpaints(form), only_masked_padding: form.padding, inpainting_fill: form.fill });
    if (outpaints(form)) request.outpaint = `${form.outpaint.left},${form.outpaint.top},${form.outpaint.right},${form.outpaint.bottom}`;
  }
  if (form.mode === "txt2img" && form.hires) {
    Object.assign(request, { hires_scale: form.hiresScale, hires_strength: form.hiresStrength, hires_upscaler: form.hiresUpscaler });
    put("hires_steps", form.hiresSteps, form.hiresSteps > 0);
  }
  const controls = form.controls.filter((control) => control.image);
  put("controls", controls, controls.length > 0);
  return request;
}

// Settings that a picture's text names, by the field of the request that they are.
const moreNames: Record<string, string> = {
  "Variation seed": "variation_seed",
  "Variation seed strength": "variation_strength",
  "CFG Rescale": "guidance_rescale",
  "Guidance end": "guidance_end",
  "Image CFG scale": "image_guidance",
  Eta: "eta",
  Refiner: "refiner",
  "Refiner switch at": "refiner_switch",
};

interface Named {
  name: string;
  label: string;
}
export interface Known {
  models: string[];
  vaes?: string[];
  samplers: Named[];
  schedulers: Named[];
}

// The other way: what a picture says of itself, in the web UI's words. Models and VAEs that are not here stay as they are chosen.
export function fromParameters(prompt: string, negative: string, fields: Record<string, string>, known: Known | null): Partial<Form> {
  const change: Partial<Form> = { prompt, negative, styles: [], more: {}, hires: "Hires upscaler" in fields };
  const number = (key: string, take: (value: number) => void) => {
    const value = Number(fields[key]);
    if (fields[key] !== undefined && Number.isFinite(value)) take(value);
  };
  number("Steps", (value) => (change.steps = value));
  number("CFG scale", (value) => (change.guidance = value));
  number("Seed", (value) => (change.seed = value));
  number("Size-1", (value) => (change.width = value));
  number("Size-2", (value) => (change.height = value));
  number("Clip skip", (value) => (change.clipSkip = value > 1 ? value : 0));
  number("Denoising strength", (value) => (change[change.hires ? "hiresStrength" : "strength"] = value));
  number("Hires upscale", (value) => (change.hiresScale = value));
  number("Hires steps", (value) => (change.hiresSteps = value));
  if (fields["Hires upscaler"]) change.hiresUpscaler = fields["Hires upscaler"];
  const size = /^(\d+)x(\d+)$/.exec(fields["Size"] ?? "");
  if (size) [change.width, change.height] = [Number(size[1]), Number(size[2])];
  const called = (list: Named[] | undefined, label: string | undefined) => list?.find((entry) => entry.label === label)?.name ?? label;
  if (fields["Sampler"]) change.sampler = called(known?.samplers, fields["Sampler"]);
  if (fields["Schedule type"]) change.scheduler = called(known?.schedulers, fields["Schedule type"]);
  const named = (names: string[] | undefined, name: string | undefined) => names?.find((other) => other === name || other.split("/").at(-1) === name);
  const model = named(known?.models, fields["Model"]);
  if (model) change.model = model === known?.models[0] ? "" : model; // the built-in one is the first
  if (known?.vaes) change.vae = named(known.vaes, fields["VAE"]) ?? "";
  for (const [key, field] of Object.entries(moreNames)) if (fields[key]) change.more![field] = fields[key];
  if (fields["Tiling"]) change.more!.tiling = "true";
  return change;
}
