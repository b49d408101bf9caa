// What all parts of the page look at beside the form: the server's abilities, the open tab, appearance, styles.
import { effect, signal } from "@preact/signals";
import { capabilities, type Capabilities } from "./api";

export type Tab = "create" | "gallery" | "queue" | "tools" | "settings";
export const tab = signal<Tab>("create");
export const abilities = signal<Capabilities | null>(null);
export const upscaleImage = signal("");

export async function refreshAbilities() {
  abilities.value = await capabilities();
}

// A signal that the browser keeps.
export function kept<T>(key: string, first: T) {
  const read = (): T => {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "") as T;
    } catch {
      return first;
    }
  };
  const value = signal<T>(read());
  effect(() => localStorage.setItem(key, JSON.stringify(value.value)));
  return value;
}

export type Theme = "system" | "light" | "dark";
export const theme = kept<Theme>("imagent.theme", "system");
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export interface Style {
  name: string;
  prompt: string;
  negative: string;
}
export const styles = kept<Style[]>("imagent.styles", []);
