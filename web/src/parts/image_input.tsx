// A picture that is dropped, pasted or chosen.
import { useRef } from "preact/hooks";
import { fileToUri, pictureOf } from "../pictures";
import { t } from "../texts";

export function ImageInput(props: { label: string; value: string; onChange(uri: string): void }) {
  const input = useRef<HTMLInputElement>(null);
  const take = async (files: Iterable<File> | null | undefined) => {
    const file = pictureOf(files);
    if (file) props.onChange(await fileToUri(file));
  };
  return (
    <div
      class="drop"
      tabIndex={0}
      role="group"
      aria-label={props.label}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        void take(event.dataTransfer?.files);
      }}
      onPaste={(event) => void take(event.clipboardData?.files)}
    >
      <span>{props.label}</span>
      {props.value ? <img src={props.value} alt={props.label} /> : <p>{t("dropImage")}</p>}
      <input ref={input} type="file" accept="image/png,image/jpeg,image/webp" aria-label={props.label} onChange={(event) => void take(event.currentTarget.files)} />
      {props.value && (
        <button
          type="button"
          onClick={() => {
            if (input.current) input.current.value = "";
            props.onChange("");
          }}
        >
          {t("remove")}
        </button>
      )}
    </div>
  );
}
