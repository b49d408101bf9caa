// A picture that is dropped, pasted or chosen.
import { useRef } from "preact/hooks";
import { fileToUri, pictureOf } from "../pictures";
import { t } from "../texts";
import { Button } from "./icons";

export function ImageInput(props: { label: string; value: string; onChange(uri: string): void }) {
  const input = useRef<HTMLInputElement>(null);
  const take = async (event: Event, files: Iterable<File> | null | undefined) => {
    const file = pictureOf(files);
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    props.onChange(await fileToUri(file));
  };
  const remove = () => {
    if (input.current) input.current.value = "";
    props.onChange("");
  };
  return (
    <div
      class="drop"
      tabIndex={0}
      role="group"
      aria-label={props.label}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => void take(event, event.dataTransfer?.files)}
      onPaste={(event) => void take(event, event.clipboardData?.files)}
    >
      {props.value && <img src={props.value} alt={props.label} />}
      <div class="column">
        <strong>{props.label}</strong>
        {!props.value && <span class="faint">{t("dropImage")}</span>}
        <div class="row">
          <Button icon="file" label={t("chooseFile")} text onClick={() => input.current?.click()} />
          {props.value && <Button icon="close" label={t("remove")} text onClick={remove} />}
        </div>
      </div>
      <input ref={input} type="file" hidden accept="image/png,image/jpeg,image/webp" aria-label={props.label} onChange={(event) => void take(event, event.currentTarget.files)} />
    </div>
  );
}
