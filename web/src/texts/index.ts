// The page's words in four languages.
import { effect, signal } from "@preact/signals";
import { words } from "./words";

export type Word = keyof typeof words;
export const languages = { en: "English", pt: "Português", fr: "Français", de: "Deutsch" };
export type Language = keyof typeof languages;

const table: Record<Word, readonly [string, string, string, string]> = words;
const columns = Object.keys(languages) as Language[];
const key = "imagent.language";
const known = (name: string | undefined | null): name is Language => name != null && name in languages;

function first(): Language {
  const kept = localStorage.getItem(key);
  if (known(kept)) return kept;
  const wanted = navigator.languages.map((name) => name.slice(0, 2)).find(known);
  return wanted ?? "en";
}

export const language = signal<Language>(first());

effect(() => {
  document.documentElement.lang = language.value;
  localStorage.setItem(key, language.value);
});

// The word in the chosen language, with {0}, {1}, ... filled in.
export const t = (word: Word, ...values: (string | number)[]): string =>
  table[word][columns.indexOf(language.value)]!.replace(/\{(\d)\}/g, (_, i) => String(values[Number(i)]));
