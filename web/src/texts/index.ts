// The page's words in four languages; English is the list of keys.
import { effect, signal } from "@preact/signals";
import { de } from "./de";
import { en } from "./en";
import { fr } from "./fr";
import { pt } from "./pt";

export type Texts = Record<keyof typeof en, string>;

export const languages = { en, pt, fr, de } satisfies Record<string, Texts>;
export type Language = keyof typeof languages;

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

export const t = (name: keyof Texts) => languages[language.value][name];
