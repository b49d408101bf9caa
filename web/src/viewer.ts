// The picture that is looked at closely, among its neighbours, and what can be done with any picture.
import { signal } from "@preact/signals";
import { gallery, readParameters, type Picture } from "./api";
import { emptyControl, form, fromParameters, set, type Mode } from "./form";
import { urlToUri } from "./pictures";
import { galleryVersion, message, reported, shown } from "./run";
import { abilities, tab, upscaleImage } from "./state";
import { t } from "./texts";

export const viewed = signal<{ pictures: Picture[]; at: number } | null>(null);
export const view = (pictures: Picture[], at: number) => (viewed.value = { pictures, at });

export function turn(by: number) {
  const now = viewed.value;
  if (now?.pictures[now.at + by]) viewed.value = { ...now, at: now.at + by };
}

// Puts the picture's new state, or null when it is gone, wherever it is shown.
function changed(id: string, picture: Picture | null) {
  const among = (list: Picture[]) => list.flatMap((other) => (other.id !== id ? other : picture ? picture : []));
  shown.value = { ...shown.value, pictures: among(shown.value.pictures) };
  if (viewed.value) {
    const pictures = among(viewed.value.pictures);
    viewed.value = pictures.length ? { pictures, at: Math.min(viewed.value.at, pictures.length - 1) } : null;
  }
  ++galleryVersion.value;
}

export const markFavourite = (picture: Picture) => reported(async () => changed(picture.id, await gallery.favourite(picture.id, !picture.favourite)));

export const remove = (picture: Picture) =>
  reported(async () => {
    await gallery.remove(picture.id);
    changed(picture.id, null);
  });

const sent = (picture: Picture, take: (uri: string) => void, to: "create" | "tools") =>
  reported(async () => {
    take(await urlToUri(picture.url));
    viewed.value = null;
    tab.value = to;
  });

export const sendToMode = (picture: Picture, mode: Mode) => sent(picture, (image) => set({ mode, image, width: 0, height: 0 }), "create");
export const sendToUpscale = (picture: Picture) => sent(picture, (image) => (upscaleImage.value = image), "tools");
export const sendToControl = (picture: Picture) =>
  sent(
    picture,
    (image) => {
      const [first, ...rest] = form.value.controls;
      set({ controls: [{ ...(first ?? { ...emptyControl, model: abilities.value?.controls?.[0] ?? "" }), image }, ...rest] });
    },
    "create",
  );

export function reuse(picture: Picture) {
  set(fromParameters(picture.prompt, picture.negative_prompt, picture.fields, abilities.value));
  viewed.value = null;
  tab.value = "create";
}

// Fills the form from a picture that says how it was made.
export const takeSettings = (uri: string) =>
  reported(async () => {
    tab.value = "create";
    const { info, parameters } = await readParameters(uri);
    if (info) set(fromParameters(parameters["Prompt"] ?? "", parameters["Negative prompt"] ?? "", parameters, abilities.value));
    else message.value = t("noParameters");
  });
