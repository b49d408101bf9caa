// Ctrl+Up and Ctrl+Down in a prompt: the weight of the selection, (word:1.1), as in the AUTOMATIC1111 web UI.
export interface Edit {
  text: string;
  start: number;
  end: number;
}

const isWord = (text: string, at: number) => at >= 0 && at < text.length && !/[\s,()[\]:<>]/.test(text[at]!);

// The selection, or the word around the cursor.
function target({ text, start, end }: Edit): [number, number] {
  if (start !== end) return [start, end];
  while (isWord(text, start - 1)) --start;
  while (isWord(text, end)) ++end;
  return [start, end];
}

export function weighted(edit: Edit, change: number): Edit {
  const { text } = edit;
  const [start, end] = target(edit);
  if (start === end) return edit;
  const behind = /^:([+-]?[\d.]+)\)/.exec(text.slice(end));
  if (text[start - 1] === "(" && behind) {
    const weight = Math.round((Number(behind[1]) + change) * 100) / 100;
    const before = text.slice(0, start - 1);
    const after = text.slice(end + behind[0].length);
    const inner = text.slice(start, end);
    if (weight === 1) return { text: before + inner + after, start: start - 1, end: end - 1 };
    return { text: `${before}(${inner}:${weight})${after}`, start, end };
  }
  const weight = Math.round((1 + change) * 100) / 100;
  return { text: `${text.slice(0, start)}(${text.slice(start, end)}:${weight})${text.slice(end)}`, start: start + 1, end: end + 1 };
}
