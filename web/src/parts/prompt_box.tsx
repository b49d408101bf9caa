// The two prompts, with a count of tokens and the keys that change a word's weight.
import { useEffect, useState } from "preact/hooks";
import { tokens as countTokens, type Tokens } from "../api";
import { weighted } from "../attention";
import { form, set } from "../form";
import { t } from "../texts";
import { Field } from "./fields";

function useTokens(prompt: string, model: string): Tokens | null {
  const [tokens, setTokens] = useState<Tokens | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => countTokens(prompt, model).then(setTokens, () => setTokens(null)), 250);
    return () => clearTimeout(timer);
  }, [prompt, model]);
  return tokens;
}

function Box(props: { label: string; hint: string; value: string; rows: number; onChange(value: string): void }) {
  const tokens = useTokens(props.value, form.value.model);
  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    if (!(event.ctrlKey || event.metaKey) || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    const box = event.currentTarget;
    const edit = weighted({ text: box.value, start: box.selectionStart, end: box.selectionEnd }, event.key === "ArrowUp" ? 0.1 : -0.1);
    box.value = edit.text; // now, with its selection: the next key may come before the page is drawn again
    box.setSelectionRange(edit.start, edit.end);
    props.onChange(edit.text);
  };
  return (
    <div class="prompt">
      <Field label={props.label}>
        <textarea rows={props.rows} placeholder={props.hint} value={props.value} onInput={(event) => props.onChange(event.currentTarget.value)} onKeyDown={onKeyDown} />
      </Field>
      <small class="count" aria-live="polite">
        {tokens ? `${tokens.tokens}/${Math.max(tokens.chunks, 1) * 75} ${t("tokens")}` : ""}
      </small>
    </div>
  );
}

export function PromptBox() {
  return (
    <>
      <Box label={t("prompt")} hint={t("promptHint")} value={form.value.prompt} rows={4} onChange={(prompt) => set({ prompt })} />
      <Box label={t("negative")} hint={t("negativeHint")} value={form.value.negative} rows={2} onChange={(negative) => set({ negative })} />
    </>
  );
}
