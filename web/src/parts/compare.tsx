// Two pictures on top of each other with a slider between them.
import { useState } from "preact/hooks";
import { t } from "../texts";

// `fit` says how the first picture took the place of the second one.
export function Compare(props: { before: string; after: string; fit?: "fill" | "cover" | "contain" }) {
  const [part, setPart] = useState(50);
  const [ratio, setRatio] = useState(1);
  return (
    <figure class="compare">
      <div class="stack" style={{ "--ratio": ratio }}>
        <img src={props.after} alt={t("after")} onLoad={({ currentTarget }) => setRatio(currentTarget.naturalWidth / currentTarget.naturalHeight)} />
        <img src={props.before} alt={t("before")} style={{ clipPath: `inset(0 ${100 - part}% 0 0)`, objectFit: props.fit ?? "fill" }} />
        <span class="divider" style={{ left: `${part}%` }} />
      </div>
      <div class="range">
        <span>{t("before")}</span>
        <input type="range" min={0} max={100} value={part} aria-label={t("compare")} onInput={(event) => setPart(Number(event.currentTarget.value))} />
        <span>{t("after")}</span>
      </div>
    </figure>
  );
}
