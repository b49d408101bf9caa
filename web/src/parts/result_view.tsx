// The picture being drawn, then the pictures drawn.
import { useEffect, useState } from "preact/hooks";
import { form } from "../form";
import { interrupt, message, preview, running, shown } from "../run";
import { t } from "../texts";
import { view } from "../viewer";
import { Compare } from "./compare";
import { Button } from "./icons";
import { PictureActions } from "./picture_actions";

function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function ProgressBar() {
  const now = running.value;
  if (!now) return null;
  const p = now.progress;
  return (
    <div class="progress">
      <progress max={100} value={p?.percent ?? 0} aria-label={t("generate")} />
      <span>{p ? `${p.step}/${p.total}  ${clock(p.eta)} ${t("remaining")}` : t("queued")}</span>
      <Button icon={now.interrupted ? "close" : "stop"} label={now.interrupted ? t("cancel") : t("interrupt")} text onClick={() => void interrupt()} />
    </div>
  );
}

// One of the pictures large, the others below it.
function Pictures() {
  const { pictures, info, before } = shown.value;
  const [at, setAt] = useState(0);
  useEffect(() => setAt(0), [info]);
  const picture = pictures[at] ?? pictures[0];
  if (!picture) return <p class="empty">{t("emptyResult")}</p>;
  const seconds = info?.timings?.total_s;
  const facts = [`${picture.width} × ${picture.height}`, `${t("steps")} ${picture.fields["Steps"]}`, `${t("seed")} ${picture.seed}`];
  if (seconds !== undefined) facts.push(`${seconds.toFixed(1)} s`);
  return (
    <>
      {before ? (
        <Compare before={before.picture} fit={before.fit} after={picture.url} />
      ) : (
        <button class="stage" type="button" aria-label={t("details")} onClick={() => view(pictures, at)}>
          <img src={picture.url} alt={picture.prompt} />
        </button>
      )}
      {pictures.length > 1 && (
        <div class="strip">
          {pictures.map((other, i) => (
            <button key={other.id} type="button" aria-pressed={i === at} title={`${t("seed")} ${other.seed}`} onClick={() => setAt(i)}>
              <img src={other.url} alt={`${t("seed")} ${other.seed}`} />
            </button>
          ))}
        </div>
      )}
      <p class="facts">{facts.join(" · ")}</p>
      <PictureActions picture={picture} onDetails={() => view(pictures, at)} />
    </>
  );
}

export function ResultView() {
  return (
    <section class="result card" aria-live="polite">
      <ProgressBar />
      {message.value && (
        <p class="message" role="alert">
          {message.value}
        </p>
      )}
      {preview.value ? <img class="preview" src={preview.value} alt={form.value.prompt} /> : <Pictures />}
    </section>
  );
}
