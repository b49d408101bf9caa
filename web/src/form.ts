// What the form holds, kept in the browser between visits, and the request that it makes.
import { effect, signal } from "@preact/signals";

export type Mode = "txt2img" | "img2img" | "inpaint";

export interface ControlForm {
  enabled: boolean;
  model: string;
  image: string;
  preprocess: "none" | "canny";
  strength: number;
  start: number;
  end: number;
}

export interface Form {
  mode: Mode;
  prompt: string;
  negative: string;
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
  control: ControlForm;
}

export const emptyForm: Form = {
  mode: "txt2img",
  prompt: "",
  negative: "",
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
  control: { enabled: false, model: "", image: "", preprocess: "canny", strength: 1, start: 0, end: 1 },
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
  const kept = { ...form.value, image: "", mask: "", control: { ...form.value.control, image: "" } };
  localStorage.setItem(key, JSON.stringify(kept));
});

const outpainted = (form: Form) => Object.values(form.outpaint).some((pixels) => pixels > 0);

// Zeros and empty texts are left out: the server's defaults are the model's own.
export function requestOf(form: Form): Record<string, unknown> {
  const request: Record<string, unknown> = { prompt: form.prompt, preview_every: 2, batch: form.batch, batches: form.count, seed: form.seed };
  const put = (name: string, value: string | number, given: boolean) => {
    if (given) request[name] = value;
  };
  put("negative_prompt", form.negative, form.negative !== "");
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
    request.init_image = form.image;
    request.strength = form.strength;
    request.resize_mode = form.resizeMode;
  }
  if (form.mode === "inpaint") {
    if (form.mask) request.mask_image = form.mask;
    Object.assign(request, { mask_blur: form.maskBlur, only_masked: form.onlyMasked, only_masked_padding: form.padding, inpainting_fill: form.fill });
    if (outpainted(form)) request.outpaint = `${form.outpaint.left},${form.outpaint.top},${form.outpaint.right},${form.outpaint.bottom}`;
  }
  if (form.mode === "txt2img" && form.hires)
    Object.assign(request, {
      hires_scale: form.hiresScale,
      ...(form.hiresSteps > 0 ? { hires_steps: form.hiresSteps } : {}),
      hires_strength: form.hiresStrength,
      hires_upscaler: form.hiresUpscaler,
    });
  if (form.control.enabled && form.control.image)
    request.controls = [
      {
        model: form.control.model,
        image: form.control.image,
        preprocess: form.control.preprocess,
        strength: form.control.strength,
        start: form.control.start,
        end: form.control.end,
      },
    ];
  return request;
}

// The other way: what a picture says of itself. Keys as the web UI writes them.
export function fromParameters(prompt: string, negative: string, fields: Record<string, string>): Partial<Form> {
  const change: Partial<Form> = { prompt, negative };
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
  number("Denoising strength", (value) => (change.strength = value));
  const size = /^(\d+)x(\d+)$/.exec(fields["Size"] ?? "");
  if (size) [change.width, change.height] = [Number(size[1]), Number(size[2])];
  if (fields["Sampler"]) change.sampler = fields["Sampler"];
  if (fields["Schedule type"]) change.scheduler = fields["Schedule type"] === "Automatic" ? "" : fields["Schedule type"];
  return change;
}
