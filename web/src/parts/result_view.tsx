// The picture being drawn, then the pictures drawn.
import { form, set } from "../form";
import { interrupt, message, preview, running, shown } from "../run";
import { t } from "../texts";
import { Compare } from "./compare";

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
      <button type="button" onClick={() => void interrupt()}>
        {t("interrupt")}
      </button>
    </div>
  );
}

export function ResultView() {
  const { pictures, before } = shown.value;
  const first = pictures[0];
  return (
    <section class="result" aria-live="polite">
      <ProgressBar />
      {message.value && (
        <p class="message" role="alert">
          {message.value}
        </p>
      )}
      {preview.value && <img class="preview" src={preview.value} alt={form.value.prompt} />}
      {!preview.value && before && first && <Compare before={before} after={first} />}
      {!preview.value && !(before && first) && (
        <div class="pictures">
          {pictures.map((picture) => (
            <a key={picture} href={picture} download={`imagent-${shown.value.info?.images[0]?.seed ?? 0}.png`}>
              <img src={picture} alt={form.value.prompt} />
            </a>
          ))}
        </div>
      )}
      {first && !running.value && (
        <div class="row">
          <button type="button" onClick={() => set({ mode: "img2img", image: first, mask: "" })}>
            {t("toImg2img")}
          </button>
          <button type="button" onClick={() => set({ mode: "inpaint", image: first, mask: "" })}>
            {t("toInpaint")}
          </button>
        </div>
      )}
    </section>
  );
}
