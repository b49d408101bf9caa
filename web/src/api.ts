// What the page asks of the server: imagent's own dialect for jobs and the gallery, the web UI's for what only that has.
export interface Picture {
  id: string;
  job: string;
  url: string;
  format: string;
  width: number;
  height: number;
  seed: number;
  created: number;
  favourite: boolean;
  prompt: string;
  negative_prompt: string;
  model: string;
  parameters: string;
  fields: Record<string, string>;
}

export interface Job {
  job_id: string;
  status: "queued" | "running" | "completed" | "failed" | "cancelled";
  queue_position: number | null;
  created: number;
  request: Record<string, string>;
  timings?: { load_s: number; text_s: number; denoise_s: number; decode_s: number; total_s: number };
  progress?: Progress;
  error?: { kind: string; message: string };
  images: { id: string; url: string; seed: number }[];
}

export interface Progress {
  step: number;
  total: number;
  percent: number;
  eta: number;
}

export interface FieldInfo {
  name: string;
  help: string;
  allowed: string;
  choices: string[];
}

export interface Capabilities {
  version: string;
  models: string[];
  vaes?: string[];
  loras: string[];
  upscalers?: string[];
  downloads?: boolean;
  controls?: string[];
  embeddings: string[];
  samplers: { name: string; label: string }[];
  schedulers: { name: string; label: string }[];
  styles: string[];
  device?: { name: string; threads: number };
  fields: FieldInfo[];
  limits: { max_pixels: number; max_pictures: number };
}

export interface Health {
  version: string;
  model: string;
  uptime_s: number;
  waiting: number;
  running: number;
}

export interface Pull {
  id: string;
  name: string;
  status: Job["status"];
  progress: PullProgress;
}

export interface PullProgress {
  percent: number;
  done: number; // bytes
  total: number;
  bytes_per_second: number;
  eta: number | null;
}

export interface Tokens {
  tokens: number;
  chunks: number;
}

export class ServerError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

// Every dialect puts its sentence somewhere else.
function sentence(body: unknown, status: number): string {
  const object = (body ?? {}) as { error?: { message?: string } | string; detail?: unknown };
  if (typeof object.error === "object" && object.error.message) return object.error.message;
  if (typeof object.detail === "string" && object.detail) return object.detail;
  if (typeof object.error === "string") return object.error;
  return `HTTP ${status}`;
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new ServerError(response.status, sentence(answer, response.status));
  return answer as T;
}

export const capabilities = () => call<Capabilities>("GET", "/v1/capabilities");
export const health = () => call<Health>("GET", "/health");
export const memory = () => call<{ ram: { free: number; used: number; total: number } }>("GET", "/sdapi/v1/memory");
export const submit = (request: object) => call<{ job_id: string }>("POST", "/v1/jobs", request);
export const cancel = (job: string) => call<Job>("DELETE", `/v1/jobs/${job}`);
export const interrupt = (job: string) => call<Job>("POST", `/v1/jobs/${job}/interrupt`);
export const jobs = (limit: number, status = "") => call<{ jobs: Job[]; waiting: number; running: number }>("GET", `/v1/jobs?${new URLSearchParams({ limit: String(limit), status })}`);
export const tokens = (prompt: string, model: string) => call<Tokens>("POST", "/v1/tokenize", { prompt, model });
export const readParameters = (image: string) => call<{ info: string; parameters: Record<string, string> }>("POST", "/sdapi/v1/png-info", { image });
export const canny = (image: string) =>
  call<{ images: string[] }>("POST", "/controlnet/detect", { controlnet_module: "canny", controlnet_input_images: [image] });
export const upscale = (image: string, upscaler: string, scale: number) =>
  call<{ image: string }>("POST", "/sdapi/v1/extra-single-image", { image, upscaler_1: upscaler, upscaling_resize: scale });

// Why something that was watched ended: "cancelled", "lost" (the server does not know it), or another kind with a sentence.
type Failed = (kind: string, sentence?: string) => void;

export const pulls = {
  start: (name: string) => call<Pull>("POST", "/v1/models/pull", { name }),
  list: async () => (await call<{ pulls: Pull[] }>("GET", "/v1/pulls")).pulls,
  cancel: (id: string) => call<Pull>("DELETE", `/v1/pulls/${id}`),
  // Follows a download until it has ended. -> stops following.
  watch: (id: string, watcher: { progress(progress: PullProgress): void; complete(): void; error: Failed }) =>
    follow(`/v1/pulls/${id}/stream`, {
      progress: (data) => watcher.progress(data),
      complete: () => watcher.complete(),
      error: (data) => watcher.error(data.kind, data.message),
    }),
};

export const gallery = {
  list: (search: string, favourites: boolean, limit: number, offset: number) =>
    call<{ pictures: Picture[]; total: number }>(
      "GET",
      `/v1/gallery?${new URLSearchParams({ search, favourites: String(favourites), limit: String(limit), offset: String(offset) })}`,
    ),
  ofJob: async (job: Job) => {
    const { pictures } = await call<{ pictures: Picture[] }>("GET", `/v1/gallery?${new URLSearchParams({ job: job.job_id, limit: "1000" })}`);
    return job.images.flatMap(({ id }) => pictures.find((picture) => picture.id === id) ?? []);
  },
  favourite: (id: string, favourite: boolean) => call<Picture>("PATCH", `/v1/gallery/${id}`, { favourite }),
  remove: (id: string) => call<object>("DELETE", `/v1/gallery/${id}`),
};

export interface JobWatcher {
  progress(progress: Progress): void;
  preview(image: string): void;
  complete(info: Job): void;
  error: Failed;
}

// Listens to server-sent events until "complete" or "error"; the browser reconnects by itself and names the last event it saw.
// A broken connection is an error event without data; where there is no such stream the browser gives up. -> stops listening.
function follow(path: string, handlers: Record<string, (data: any) => void>): () => void {
  const source = new EventSource(path);
  for (const [type, handle] of Object.entries(handlers))
    source.addEventListener(type, (event) => {
      const text = (event as MessageEvent<string>).data;
      if (!text) {
        const lost = (error: unknown) => error instanceof ServerError && handlers.error!({ kind: "lost" });
        if (source.readyState === EventSource.CLOSED) call("GET", path.replace(/\/stream$/, "")).catch(lost);
        return;
      }
      if (type === "complete" || type === "error") source.close();
      handle(JSON.parse(text));
    });
  return () => source.close();
}

// Follows a job until it has ended. -> stops following.
export function watch(job: string, watcher: JobWatcher): () => void {
  return follow(`/v1/jobs/${job}/stream`, {
    progress: (data) => watcher.progress(data),
    preview: (data) => watcher.preview(`data:image/${data.format ?? "png"};base64,${data.image}`),
    complete: (data) => watcher.complete(data.info),
    error: (data) => watcher.error(data.kind, data.message),
  });
}
