// What can be done with a drawn picture, beside the result and in the dialog alike.
import type { Picture } from "../api";
import { abilities } from "../state";
import { t } from "../texts";
import { markFavourite, remove, reuse, sendToControl, sendToMode, sendToUpscale } from "../viewer";
import { Button, Icon } from "./icons";

export function PictureActions({ picture, onDetails }: { picture: Picture; onDetails?: () => void }) {
  return (
    <div class="actions" role="group" aria-label={t("picture")}>
      <a class="button with-icon" href={picture.url} download={`imagent-${picture.seed}.${picture.format}`}>
        <Icon name="download" />
        <span>{t("download")}</span>
      </a>
      {onDetails && <Button icon="details" label={t("details")} text onClick={onDetails} />}
      <Button icon="star" label={t("favourite")} text filled={picture.favourite} pressed={picture.favourite} onClick={() => void markFavourite(picture)} />
      <Button icon="sliders" label={t("reuse")} text onClick={() => reuse(picture)} />
      <Button icon="image" label={t("toImg2img")} text onClick={() => void sendToMode(picture, "img2img")} />
      <Button icon="brush" label={t("toInpaint")} text onClick={() => void sendToMode(picture, "inpaint")} />
      <Button icon="upscale" label={t("toUpscale")} text onClick={() => void sendToUpscale(picture)} />
      {!!abilities.value?.controls?.length && <Button icon="control" label={t("toControl")} text onClick={() => void sendToControl(picture)} />}
      <Button icon="trash" label={t("delete")} text onClick={() => window.confirm(t("deleteSure")) && void remove(picture)} />
    </div>
  );
}
