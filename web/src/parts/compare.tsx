// Two pictures on top of each other with a slider between them.
import { useState } from "preact/hooks";
import { t } from "../texts";

export function Compare(props: { before: string; after: string }) {
  const [part, setPart] = useState(50);
  return (
    <figure class="compare">
      <div class="stack">
        <img src={props.after} alt={t("after")} />
        <img src={props.before} alt={t("before")} style={{ clipPath: `inset(0 ${100 - part}% 0 0)` }} />
      </div>
      <input type="range" min={0} max={100} value={part} aria-label={t("compare")} onInput={(event) => setPart(Number(event.currentTarget.value))} />
    </figure>
  );
}
