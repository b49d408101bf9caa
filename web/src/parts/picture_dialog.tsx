// One picture with everything known about it; arrows go to its neighbours.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Picture } from "../api";
import { t } from "../texts";
import { turn, viewed } from "../viewer";
import { Button } from "./icons";
import { PictureActions } from "./picture_actions";

function Metadata({ text }: { text: string }) {
  const [copied, setCopied] = useState("");
  return (
    <>
      <h3>{t("metadata")}</h3>
      <pre>{text}</pre>
      {isSecureContext && <Button icon="copy" label={copied === text ? t("copied") : t("copy")} text onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(text))} />}
    </>
  );
}

function facts({ fields, width, height }: Picture): [string, string][] {
  const rest = Object.entries(fields).filter(([name]) => !name.startsWith("Size-"));
  return [[t("size"), `${width} × ${height}`], ...rest];
}

export function PictureDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const { pictures, at } = viewed.value!;
  const picture = pictures[at]!;
  const close = () => (viewed.value = null);
  return (
    <dialog ref={dialog} aria-label={picture.prompt} onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="viewer">
        <figure>
          <img src={picture.url} alt={picture.prompt} />
        </figure>
        <div class="details">
          <div class="row">
            <Button icon="previous" label={t("previous")} disabled={at === 0} onClick={() => turn(-1)} />
            <Button icon="next" label={t("next")} disabled={at === pictures.length - 1} onClick={() => turn(1)} />
            <span class="faint">
              {at + 1} / {pictures.length}
            </span>
            <span class="space" />
            <Button icon="close" label={t("close")} onClick={close} />
          </div>
          <p class="prompt-text">{picture.prompt}</p>
          <PictureActions picture={picture} />
          <dl>
            {facts(picture).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <Metadata text={picture.parameters} />
        </div>
      </div>
    </dialog>
  );
}
