// The mask under the brush: strokes over a canvas, as many steps back as somebody can want. What is painted shows in a colour
// that stands out from any picture; the mask that is sent is white where there is paint.
import { signal } from "@preact/signals";

export interface Stroke {
  kind: "brush" | "eraser" | "invert" | "clear";
  size: number; // diameter in pixels of the picture
  points: { x: number; y: number }[];
}

export interface History {
  image: string; // the picture it belongs to
  done: Stroke[];
  undone: Stroke[];
}

export const emptyHistory: History = { image: "", done: [], undone: [] };
// Kept while other parts of the page are looked at.
export const history = signal<History>(emptyHistory);

export const add = ({ image, done }: History, stroke: Stroke): History => ({ image, done: [...done, stroke], undone: [] });

export function undo({ image, done, undone }: History): History {
  const last = done.at(-1);
  return last ? { image, done: done.slice(0, -1), undone: [...undone, last] } : { image, done, undone };
}

export function redo({ image, done, undone }: History): History {
  const last = undone.at(-1);
  return last ? { image, done: [...done, last], undone: undone.slice(0, -1) } : { image, done, undone };
}

const paintColour = "#ff2d78";

// What is free of paint is transparent.
export function paint(canvas: HTMLCanvasElement, strokes: Stroke[]) {
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.globalCompositeOperation = "source-over";
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = context.strokeStyle = paintColour;
  for (const stroke of strokes) {
    if (stroke.kind === "clear") {
      context.clearRect(0, 0, canvas.width, canvas.height);
    } else if (stroke.kind === "invert") {
      context.globalCompositeOperation = "source-out";
      context.fillRect(0, 0, canvas.width, canvas.height);
    } else {
      context.globalCompositeOperation = stroke.kind === "brush" ? "source-over" : "destination-out";
      line(context, stroke);
    }
  }
}

function line(context: CanvasRenderingContext2D, stroke: Stroke) {
  const first = stroke.points[0];
  if (!first) return;
  context.lineWidth = stroke.size;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(first.x, first.y);
  context.lineTo(first.x + 0.01, first.y); // of a line without length nothing would be seen
  for (const point of stroke.points) context.lineTo(point.x, point.y);
  context.stroke();
}

// White on black, as a PNG.
export function maskOf(painted: HTMLCanvasElement): string {
  const canvas = document.createElement("canvas");
  canvas.width = painted.width;
  canvas.height = painted.height;
  const context = canvas.getContext("2d")!;
  context.drawImage(painted, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "black";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}
