// The server's jobs, newest first, whoever asked for them.
import { useEffect } from "preact/hooks";
import { gallery, type Job } from "../api";
import { cancelJob, message, queue, refreshQueue, reported } from "../run";
import { t, type Word } from "../texts";
import { view } from "../viewer";
import { Button } from "./icons";

const states: Record<Job["status"], Word> = { queued: "queued", running: "runningState", completed: "completed", failed: "failed", cancelled: "cancelled" };

function Progress({ job }: { job: Job }) {
  if (job.queue_position) return <span class="faint">{job.queue_position}.</span>;
  if (!job.progress?.total) return null;
  return (
    <>
      <progress max={100} value={job.progress.percent} aria-label={t("runningState")} />
      <span class="faint">
        {job.progress.step}/{job.progress.total}
      </span>
    </>
  );
}

function Row({ job }: { job: Job }) {
  const [picture] = job.images;
  const ended = job.status !== "queued" && job.status !== "running";
  const open = () => reported(async () => void view(await gallery.ofJob(job), 0));
  return (
    <li class={job.status}>
      <span class="thumb">
        {picture && (
          <button type="button" aria-label={t("details")} onClick={() => void open()}>
            <img src={picture.url} alt="" loading="lazy" />
          </button>
        )}
      </span>
      <span class="what">
        <span class="prompt-text">{job.request["prompt"]}</span>
        {job.error && job.status === "failed" && <span class="message">{job.error.message}</span>}
      </span>
      <span class="state">
        <span class={`badge ${job.status}`}>{t(states[job.status])}</span>
        <Progress job={job} />
      </span>
      {!ended && <Button icon="close" label={t("cancel")} text onClick={() => void cancelJob(job.job_id)} />}
    </li>
  );
}

export function QueueTab() {
  useEffect(() => {
    const read = () => refreshQueue().catch((error: Error) => (message.value = error.message));
    void read();
    const timer = setInterval(() => void read(), 1000);
    return () => clearInterval(timer);
  }, []);
  const { jobs, running, waiting } = queue.value;
  const cancelWaiting = () => Promise.all(jobs.filter((job) => job.status === "queued").map((job) => cancelJob(job.job_id)));
  return (
    <section class="queue">
      <div class="row">
        <span class="faint">{t("inQueue", running, waiting)}</span>
        {waiting > 0 && <Button icon="trash" label={t("cancelAll")} text onClick={() => void cancelWaiting()} />}
      </div>
      {message.value && (
        <p class="message" role="alert">
          {message.value}
        </p>
      )}
      {jobs.length === 0 && <p class="empty">{t("queueEmpty")}</p>}
      <ul class="card">
        {jobs.map((job) => (
          <Row key={job.job_id} job={job} />
        ))}
      </ul>
    </section>
  );
}
