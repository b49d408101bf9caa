// Making a picture larger.
import { useState } from "preact/hooks";
import { upscale } from "../api";
import { downloadUri } from "../pictures";
import { reported } from "../run";
import { abilities, upscaleImage } from "../state";
import { t } from "../texts";
import { Compare } from "./compare";
import { NumberField, Select, names } from "./fields";
import { Button } from "./icons";
import { ImageInput } from "./image_input";

export function UpscaleTool() {
  const [scale, setScale] = useState(2);
  const [upscaler, setUpscaler] = useState("Lanczos");
  const [result, setResult] = useState("");
  const [busy, setBusy] = useState(false);
  const list = (abilities.value?.upscalers ?? []).filter((name) => !name.startsWith("Latent"));
  const run = async () => {
    setBusy(true);
    await reported(async () => setResult(`data:image/png;base64,${(await upscale(upscaleImage.value, upscaler, scale)).image}`));
    setBusy(false);
  };
  return (
    <fieldset class="card">
      <legend>{t("upscale")}</legend>
      <ImageInput
        label={t("picture")}
        value={upscaleImage.value}
        onChange={(image) => {
          upscaleImage.value = image;
          setResult("");
        }}
      />
      <div class="row">
        <NumberField label={t("scale")} value={scale} min={1} max={8} step={0.5} onChange={setScale} />
        <Select label={t("upscaler")} value={upscaler} choices={names(list)} onChange={setUpscaler} />
        <button class="primary" type="button" disabled={!upscaleImage.value || busy} onClick={() => void run()}>
          {t("upscale")}
        </button>
      </div>
      {busy && <progress aria-label={t("upscale")} />}
      {result && (
        <>
          <Compare before={upscaleImage.value} after={result} />
          <Button icon="download" label={t("download")} text onClick={() => downloadUri(result, "upscaled.png")} />
        </>
      )}
    </fieldset>
  );
}
