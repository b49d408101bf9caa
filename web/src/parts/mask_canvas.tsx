// Painting the part of a picture that is to be drawn anew: brush, eraser, undo, redo, invert. Keys: B E Ctrl+Z Ctrl+Y.
import { useEffect, useRef, useState } from "preact/hooks";
import { form, set } from "../form";
import { add, emptyHistory, paint, redo, undo, type History, type Stroke } from "../mask";
import { loadImage } from "../pictures";
import { t } from "../texts";
import { Slider } from "./fields";

type Tool = "brush" | "eraser";

export function MaskCanvas() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stroke = useRef<Stroke | null>(null);
  const [tool, setTool] = useState<Tool>("brush");
  const [size, setSize] = useState(40);
  const [history, setHistory] = useState<History>(emptyHistory);
  const image = form.value.image;

  useEffect(() => {
    setHistory(emptyHistory);
    void loadImage(image).then(({ naturalWidth, naturalHeight }) => {
      if (!canvas.current) return;
      canvas.current.width = naturalWidth;
      canvas.current.height = naturalHeight;
      paint(canvas.current, []);
    });
  }, [image]);

  const change = (next: History) => {
    setHistory(next);
    if (!canvas.current) return;
    paint(canvas.current, next.done);
    set({ mask: next.done.length ? canvas.current.toDataURL("image/png") : "" });
  };
  const place = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const scale = canvas.current!.width / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  };
  const down = (event: PointerEvent) => {
    canvas.current!.setPointerCapture(event.pointerId);
    stroke.current = { kind: tool, size, points: [place(event)] };
    paint(canvas.current!, [...history.done, stroke.current]);
  };
  const move = (event: PointerEvent) => {
    if (!stroke.current) return;
    stroke.current.points.push(place(event));
    paint(canvas.current!, [...history.done, stroke.current]);
  };
  const up = () => {
    if (stroke.current) change(add(history, stroke.current));
    stroke.current = null;
  };
  const whole = (kind: "invert" | "clear") => change(add(history, { kind, size, points: [] }));
  const keys = (event: KeyboardEvent) => {
    const control = event.ctrlKey || event.metaKey;
    const actions: Record<string, () => void> = control
      ? { z: () => change(undo(history)), y: () => change(redo(history)) }
      : { b: () => setTool("brush"), e: () => setTool("eraser"), "[": () => setSize(Math.max(2, size - 8)), "]": () => setSize(size + 8) };
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  };

  return (
    <div class="mask" tabIndex={0} onKeyDown={keys} role="group" aria-label={t("inpaint")}>
      <div class="stack">
        <img src={image} alt={t("image")} />
        <canvas ref={canvas} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={up} />
      </div>
      <div class="row">
        <button type="button" aria-pressed={tool === "brush"} onClick={() => setTool("brush")}>
          {t("brush")}
        </button>
        <button type="button" aria-pressed={tool === "eraser"} onClick={() => setTool("eraser")}>
          {t("eraser")}
        </button>
        <button type="button" disabled={!history.done.length} onClick={() => change(undo(history))}>
          {t("undo")}
        </button>
        <button type="button" disabled={!history.undone.length} onClick={() => change(redo(history))}>
          {t("redo")}
        </button>
        <button type="button" onClick={() => whole("invert")}>
          {t("invert")}
        </button>
        <button type="button" onClick={() => whole("clear")}>
          {t("clear")}
        </button>
      </div>
      <Slider label={t("brushSize")} value={size} min={2} max={256} step={2} onChange={setSize} />
    </div>
  );
}
