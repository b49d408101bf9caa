import { useEffect } from "preact/hooks";
import type { Job } from "../api";
import { cancelJob, queue, refreshQueue } from "../run";
import { t } from "../texts";

const states: Record<Job["status"], Parameters<typeof t>[0]> = {
  queued: "queued",
  running: "runningState",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

export function QueueTab() {
  useEffect(() => {
    void refreshQueue();
    const timer = setInterval(() => void refreshQueue(), 2000);
    return () => clearInterval(timer);
  }, []);
  if (queue.value.length === 0) return <p>{t("queueEmpty")}</p>;
  return (
    <table class="queue">
      <tbody>
        {queue.value.map((job) => (
          <tr key={job.job_id}>
            <td>{t(states[job.status])}</td>
            <td>{job.queue_position ?? (job.progress?.total ? `${job.progress.step}/${job.progress.total}` : "")}</td>
            <td>{job.request["prompt"]}</td>
            <td>{job.error?.message}</td>
            <td>
              {(job.status === "queued" || job.status === "running") && (
                <button type="button" onClick={() => void cancelJob(job.job_id)}>
                  {t("cancel")}
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
