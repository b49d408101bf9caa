// The jobs that this page has started: one is watched, its progress, preview and pictures are shown.
import { signal } from "@preact/signals";
import { cancel, jobs, submit, watch, type Job, type Progress } from "./api";
import { form, requestOf, type Form } from "./form";
import { t } from "./texts";

export interface Shown {
  pictures: string[];
  info: Job | null;
  before: string; // the picture it was made from
}

export const running = signal<{ job: string; progress: Progress | null } | null>(null);
export const preview = signal("");
export const shown = signal<Shown>({ pictures: [], info: null, before: "" });
export const message = signal("");
export const queue = signal<Job[]>([]);
export const galleryVersion = signal(0); // counts up when the gallery has changed

// Does something that may fail, and shows why.
export async function reported(work: () => Promise<void>): Promise<void> {
  try {
    message.value = "";
    await work();
  } catch (error) {
    message.value = (error as Error).message;
  }
}

interface Turn {
  job: string;
  before: string;
  ended: () => void;
}
const waiting: Turn[] = [];

export async function refreshQueue() {
  queue.value = (await jobs()).jobs;
}

function follow({ job, before, ended }: Turn) {
  running.value = { job, progress: null };
  preview.value = "";
  const end = () => {
    running.value = null;
    preview.value = "";
    void refreshQueue();
    const next = waiting.shift();
    if (next) follow(next);
    ended();
  };
  watch(job, {
    progress: (progress) => (running.value = { job, progress }),
    preview: (image) => (preview.value = image),
    complete: (pictures, info) => {
      shown.value = { pictures, info, before };
      ++galleryVersion.value;
      end();
    },
    error: (text) => {
      message.value = text;
      end();
    },
  });
}

// Queues what the form says, or `changed` of it, and shows it when it is its turn. -> when that job has ended.
export async function generate(changed: Partial<Form> = {}): Promise<void> {
  const wanted = { ...form.value, ...changed };
  message.value = "";
  if (!wanted.prompt.trim()) return void (message.value = t("promptMissing"));
  if (wanted.mode !== "txt2img" && !wanted.image) return void (message.value = t("imageMissing"));
  try {
    const { job_id } = await submit(requestOf(wanted));
    void refreshQueue();
    await new Promise<void>((ended) => {
      const turn = { job: job_id, before: wanted.mode === "txt2img" ? "" : wanted.image, ended };
      if (running.value) waiting.push(turn);
      else follow(turn);
    });
  } catch (error) {
    message.value = (error as Error).message;
  }
}

export async function interrupt() {
  if (running.value) await cancelJob(running.value.job);
}

export async function cancelJob(job: string) {
  try {
    await cancel(job);
  } catch (error) {
    message.value = (error as Error).message;
  }
  void refreshQueue();
}
