// The mask under the brush: strokes over a canvas, as many steps back as somebody can want, without the browser in it.
export interface Stroke {
  kind: "brush" | "eraser" | "invert" | "clear";
  size: number; // diameter in pixels of the picture
  points: { x: number; y: number }[];
}

export interface History {
  done: Stroke[];
  undone: Stroke[];
}

export const emptyHistory: History = { done: [], undone: [] };
export const add = (history: History, stroke: Stroke): History => ({ done: [...history.done, stroke], undone: [] });

export function undo({ done, undone }: History): History {
  const last = done.at(-1);
  return last ? { done: done.slice(0, -1), undone: [...undone, last] } : { done, undone };
}

export function redo({ done, undone }: History): History {
  const last = undone.at(-1);
  return last ? { done: [...done, last], undone: undone.slice(0, -1) } : { done, undone };
}

// Draws white on black; what is white is drawn anew.
export function paint(canvas: HTMLCanvasElement, strokes: Stroke[]) {
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.globalCompositeOperation = "source-over";
  context.fillStyle = "black";
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const stroke of strokes) {
    if (stroke.kind === "clear") {
      context.fillStyle = "black";
      context.fillRect(0, 0, canvas.width, canvas.height);
    } else if (stroke.kind === "invert") {
      context.globalCompositeOperation = "difference";
      context.fillStyle = "white";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.globalCompositeOperation = "source-over";
    } else {
      line(context, stroke);
    }
  }
}

function line(context: CanvasRenderingContext2D, stroke: Stroke) {
  const first = stroke.points[0];
  if (!first) return;
  context.strokeStyle = stroke.kind === "brush" ? "white" : "black";
  context.lineWidth = stroke.size;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const point of stroke.points) context.lineTo(point.x, point.y);
  context.stroke();
}
