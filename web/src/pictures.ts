// Pictures between files, data URIs and canvases.
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

export interface Sides {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

// The picture with so many transparent pixels around it.
export async function padded(uri: string, sides: Sides): Promise<string> {
  const image = await loadImage(uri);
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth + sides.left + sides.right;
  canvas.height = image.naturalHeight + sides.top + sides.bottom;
  canvas.getContext("2d")!.drawImage(image, sides.left, sides.top);
  return canvas.toDataURL("image/png");
}

export function downloadUri(uri: string, name: string) {
  const link = document.createElement("a");
  link.href = uri;
  link.download = name;
  link.click();
}
