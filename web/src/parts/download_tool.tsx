// Fetching models from the hub: those on their way with their progress, whoever asked for them.
import { useEffect, useState } from "preact/hooks";
import { pulls, type Pull, type PullProgress } from "../api";
import { message, reported } from "../run";
import { refreshAbilities } from "../state";
import { t } from "../texts";
import { Field } from "./fields";
import { Button } from "./icons";

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

function described(progress: PullProgress): string {
  const size = progress.total > 0 ? `${megabytes(progress.done)} / ${megabytes(progress.total)} MB` : t("queued");
  return progress.eta === null ? size : `${size}, ${Math.ceil(progress.eta)} s ${t("remaining")}`;
}

function Download(props: { pull: Pull; onEnd(): void }) {
  const [progress, setProgress] = useState(props.pull.progress);
  useEffect(
    () =>
      pulls.watch(props.pull.id, {
        progress: setProgress,
        complete: () => {
          void refreshAbilities();
          props.onEnd();
        },
        error: (_, sentence = t("lost")) => {
          message.value = sentence;
          props.onEnd();
        },
      }),
    [props.pull.id],
  );
  return (
    <li class="download">
      <span>{props.pull.name}</span>
      <progress max={100} value={progress.percent} aria-label={props.pull.name} />
      <span>{described(progress)}</span>
      <Button icon="close" label={t("cancel")} text onClick={() => void reported(async () => void (await pulls.cancel(props.pull.id)))} />
    </li>
  );
}

export function DownloadTool() {
  const [name, setName] = useState("");
  const [active, setActive] = useState<Pull[]>([]);
  const refresh = async () => setActive((await pulls.list()).filter((pull) => pull.status === "queued" || pull.status === "running"));
  useEffect(() => void reported(refresh), []);
  const start = () =>
    reported(async () => {
      const pull = await pulls.start(name.trim());
      setActive((all) => [pull, ...all.filter((other) => other.id !== pull.id)]);
    });
  return (
    <fieldset class="card">
      <legend>{t("downloadModel")}</legend>
      <div class="row">
        <Field label={t("modelName")}>
          <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </Field>
        <button class="primary" type="button" disabled={!name.trim()} onClick={() => void start()}>
          {t("download")}
        </button>
      </div>
      <ul class="downloads">
        {active.map((pull) => (
          <Download key={pull.id} pull={pull} onEnd={() => setActive((all) => all.filter((other) => other.id !== pull.id))} />
        ))}
      </ul>
    </fieldset>
  );
}
