// The jobs that this page has started: one is watched, its progress, preview and pictures are shown.
import { effect, signal } from "@preact/signals";
import { cancel, gallery, interrupt as interruptJob, jobs, submit, watch, type Job, type Picture, type Progress } from "./api";
import { form, outpaints, requestOf, type Form } from "./form";
import { notified } from "./notify";
import { padded } from "./pictures";
import { t } from "./texts";

export interface Shown {
  pictures: Picture[];
  info: Job | null;
  before: Before | null; // the picture it was made from
}
export interface Before {
  picture: string;
  fit: "fill" | "cover" | "contain";
}

export const running = signal<{ job: string; progress: Progress | null; interrupted: boolean } | null>(null);
export const preview = signal("");
export const shown = signal<Shown>({ pictures: [], info: null, before: null });
export const message = signal("");
export const queue = signal<{ jobs: Job[]; waiting: number; running: number }>({ jobs: [], waiting: 0, running: 0 });
export const galleryVersion = signal(0); // counts up when the gallery has changed

effect(() => {
  const progress = running.value?.progress;
  document.title = progress ? `${Math.round(progress.percent)} % imagent` : "imagent";
});

// Does something that may fail, and shows why.
export async function reported(work: () => Promise<void>): Promise<void> {
  try {
    message.value = "";
    await work();
  } catch (error) {
    message.value = (error as Error).message;
  }
}

export async function refreshQueue() {
  queue.value = await jobs(30);
}
const refreshQuietly = () => void refreshQueue().catch(() => {});

interface Turn {
  job: string;
  before: Before | null;
  ended: (done: boolean) => void;
}
const turns: Turn[] = []; // the first one is watched

// A page that is loaded anew goes on watching.
const key = "imagent.jobs";
const remember = () => sessionStorage.setItem(key, JSON.stringify(turns.map((turn) => turn.job)));
export const resume = () => (JSON.parse(sessionStorage.getItem(key) ?? "[]") as string[]).forEach((job) => void followed(job, null));

function follow({ job, before, ended }: Turn) {
  running.value = { job, progress: null, interrupted: false };
  preview.value = "";
  const end = (done: boolean) => {
    running.value = null;
    preview.value = "";
    turns.shift();
    remember();
    refreshQuietly();
    if (turns[0]) follow(turns[0]);
    ended(done);
  };
  watch(job, {
    progress: (progress) => running.value && (running.value = { ...running.value, progress }),
    preview: (image) => (preview.value = image),
    complete: (info) =>
      void reported(async () => {
        shown.value = { pictures: await gallery.ofJob(info), info, before };
        ++galleryVersion.value;
        notified(info.request["prompt"] ?? "", shown.value.pictures[0]?.url);
      }).then(() => end(shown.value.info === info)),
    error: (kind, sentence = t("lost")) => {
      message.value = kind === "cancelled" ? t("jobCancelled") : sentence;
      end(false);
    },
  });
}

// Watches a job when it is its turn. -> whether it came to its end.
function followed(job: string, before: Before | null): Promise<boolean> {
  return new Promise((ended) => {
    turns.push({ job, before, ended });
    remember();
    if (turns.length === 1) follow(turns[0]!);
  });
}

function missing(wanted: Form): "promptMissing" | "imageMissing" | "maskMissing" | null {
  if (!wanted.prompt.trim()) return "promptMissing";
  if (wanted.mode !== "txt2img" && !wanted.image) return "imageMissing";
  if (wanted.mode === "inpaint" && !wanted.mask && !outpaints(wanted)) return "maskMissing";
  return null;
}

// What the drawn picture is compared with.
async function beforeOf(wanted: Form): Promise<Before | null> {
  if (wanted.mode === "txt2img") return null;
  const picture = outpaints(wanted) ? await padded(wanted.image, wanted.outpaint) : wanted.image;
  return { picture, fit: (["fill", "cover", "contain"] as const)[wanted.resizeMode] ?? "fill" };
}

// Queues what the form says, or `changed` of it, and shows it when it is its turn. -> whether it was drawn.
export async function generate(changed: Partial<Form> = {}): Promise<boolean> {
  const wanted = { ...form.value, ...changed };
  const lacks = missing(wanted);
  message.value = lacks ? t(lacks) : "";
  if (lacks) return false;
  try {
    const { job_id } = await submit(requestOf(wanted));
    refreshQuietly();
    return await followed(job_id, await beforeOf(wanted));
  } catch (error) {
    message.value = (error as Error).message;
    return false;
  }
}

// The first time the picture is taken as it is, the second time it is given up.
export async function interrupt() {
  const now = running.value;
  if (!now) return;
  if (now.interrupted) return cancelJob(now.job);
  running.value = { ...now, interrupted: true };
  await reported(async () => void (await interruptJob(now.job)));
}

export async function cancelJob(job: string) {
  await reported(async () => void (await cancel(job)));
  refreshQuietly();
}
