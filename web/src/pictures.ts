// Pictures between files, data URIs and canvases.
import { readParameters } from "./api";
import { fromParameters, set } from "./form";
import { message } from "./run";
import { t } from "./texts";

export function fileToUri(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

export async function urlToUri(url: string): Promise<string> {
  return url.startsWith("data:") ? url : fileToUri(await (await fetch(url)).blob());
}

export function loadImage(uri: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = uri;
  return image.decode().then(() => image);
}

export const pictureOf = (files: Iterable<File> | null | undefined) => [...(files ?? [])].find((file) => file.type.startsWith("image/"));

// Fills the form from a picture that says how it was made.
export async function takeSettings(uri: string) {
  try {
    const { info, parameters } = await readParameters(uri);
    if (!info) return void (message.value = t("noParameters"));
    const prompt = parameters["Prompt"] ?? "";
    const negative = parameters["Negative prompt"] ?? "";
    set(fromParameters(prompt, negative, parameters));
    message.value = "";
  } catch (error) {
    message.value = (error as Error).message;
  }
}

export function downloadUri(uri: string, name: string) {
  const link = document.createElement("a");
  link.href = uri;
  link.download = name;
  link.click();
}
