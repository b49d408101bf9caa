// Painting the part of a picture that is to be drawn anew: brush, eraser, undo, redo, invert; by keys as well. The frame around
// the picture is what outpainting will add.
import { useEffect, useRef, useState } from "preact/hooks";
import { form, set } from "../form";
import { add, emptyHistory, history, maskOf, paint, redo, undo, type History, type Stroke } from "../mask";
import { loadImage } from "../pictures";
import { t } from "../texts";
import { Slider } from "./fields";
import { Button } from "./icons";

type Tool = "brush" | "eraser";
interface Point {
  x: number;
  y: number;
}

const within = (value: number, most: number) => Math.min(most, Math.max(0, value));

export function MaskCanvas() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stroke = useRef<Stroke | null>(null);
  const [tool, setTool] = useState<Tool>("brush");
  const [size, setSize] = useState(40);
  const [picture, setPicture] = useState({ width: 1, height: 1 });
  const [cursor, setCursor] = useState<Point | null>(null); // where the brush is
  const { image, outpaint } = form.value;
  const { done, undone } = history.value;

  const change = (next: History) => {
    history.value = next;
    if (!canvas.current) return;
    paint(canvas.current, next.done);
    set({ mask: next.done.length ? maskOf(canvas.current) : "" });
  };
  useEffect(() => {
    if (history.value.image !== image) {
      history.value = { ...emptyHistory, image };
      set({ mask: "" });
    }
    void loadImage(image).then(({ naturalWidth: width, naturalHeight: height }) => {
      if (!canvas.current || history.value.image !== image) return; // another picture came meanwhile
      Object.assign(canvas.current, { width, height });
      setPicture({ width, height });
      setSize(Math.max(4, Math.round(Math.min(width, height) / 10)));
      change(history.value);
    });
  }, [image]);

  const place = (event: PointerEvent): Point => {
    const box = canvas.current!.getBoundingClientRect();
    const scale = canvas.current!.width / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  };
  const begin = (point: Point) => {
    stroke.current = { kind: tool, size, points: [point] };
    paint(canvas.current!, [...history.value.done, stroke.current]);
  };
  const goOn = (point: Point) => {
    setCursor(point);
    if (!stroke.current) return;
    stroke.current.points.push(point);
    paint(canvas.current!, [...history.value.done, stroke.current]);
  };
  const end = () => {
    if (stroke.current) change(add(history.value, stroke.current));
    stroke.current = null;
  };
  const down = (event: PointerEvent) => {
    canvas.current!.setPointerCapture(event.pointerId);
    begin(place(event));
  };
  const whole = (kind: "invert" | "clear") => change(add(history.value, { kind, size, points: [] }));

  // Arrows move the brush by half its size, Space or Enter puts it down: painting goes on until it is lifted again.
  const step = (dx: number, dy: number) => () => {
    const from = cursor ?? { x: picture.width / 2, y: picture.height / 2 };
    goOn({ x: within(from.x + (dx * size) / 2, picture.width), y: within(from.y + (dy * size) / 2, picture.height) });
  };
  const putDown = () => {
    if (stroke.current) return end();
    const point = cursor ?? { x: picture.width / 2, y: picture.height / 2 };
    setCursor(point);
    begin(point);
  };
  const keys = (event: KeyboardEvent) => {
    const moves: Record<string, () => void> = { arrowleft: step(-1, 0), arrowright: step(1, 0), arrowup: step(0, -1), arrowdown: step(0, 1), " ": putDown, enter: putDown };
    const plain: Record<string, () => void> = {
      b: () => setTool("brush"),
      e: () => setTool("eraser"),
      "[": () => setSize(Math.max(2, size - 8)),
      "]": () => setSize(size + 8),
      ...(event.target === event.currentTarget ? moves : {}), // buttons and the slider keep their own keys
    };
    const held: Record<string, () => void> = { z: () => change(event.shiftKey ? redo(history.value) : undo(history.value)), y: () => change(redo(history.value)) };
    const action = (event.ctrlKey || event.metaKey ? held : plain)[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  };

  const percent = (part: number, of: number) => `${(100 * part) / of}%`;
  const outer = { width: picture.width + outpaint.left + outpaint.right, height: picture.height + outpaint.top + outpaint.bottom };
  return (
    <div class="mask">
      <div class="outer" style={{ aspectRatio: `${outer.width} / ${outer.height}` }} tabIndex={0} onKeyDown={keys} role="application" aria-label={`${t("inpaint")}. ${t("maskHint")}`}>
        <div
          class="stack"
          style={{ left: percent(outpaint.left, outer.width), top: percent(outpaint.top, outer.height), width: percent(picture.width, outer.width), height: percent(picture.height, outer.height) }}
        >
          <img src={image} alt={t("image")} />
          <canvas ref={canvas} onPointerDown={down} onPointerMove={(event) => goOn(place(event))} onPointerUp={end} onPointerCancel={end} onPointerLeave={() => !stroke.current && setCursor(null)} />
          {cursor && (
            <span class="brush" style={{ left: percent(cursor.x, picture.width), top: percent(cursor.y, picture.height), width: percent(size, picture.width), aspectRatio: 1 }} />
          )}
        </div>
      </div>
      <div class="row">
        <Button icon="brush" label={t("brush")} pressed={tool === "brush"} onClick={() => setTool("brush")} />
        <Button icon="eraser" label={t("eraser")} pressed={tool === "eraser"} onClick={() => setTool("eraser")} />
        <Button icon="undo" label={t("undo")} disabled={!done.length} onClick={() => change(undo(history.value))} />
        <Button icon="redo" label={t("redo")} disabled={!undone.length} onClick={() => change(redo(history.value))} />
        <Button icon="invert" label={t("invert")} onClick={() => whole("invert")} />
        <Button icon="trash" label={t("clear")} onClick={() => whole("clear")} />
        <Slider label={t("brushSize")} value={size} min={2} max={256} step={2} onChange={setSize} />
      </div>
      <small>{t("maskHint")}</small>
    </div>
  );
}
