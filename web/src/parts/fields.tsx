// Form controls with their labels.
import type { ComponentChildren } from "preact";

export function Field(props: { label: string; hint?: string | undefined; children: ComponentChildren }) {
  return (
    <label class="field" title={props.hint}>
      <span>{props.label}</span>
      {props.children}
    </label>
  );
}

interface NumberProps {
  label: string;
  hint?: string;
  value: number;
  min?: number;
  max?: number;
  step?: number;
  unset?: number; // the value that an empty field stands for
  placeholder?: string;
  onChange(value: number): void;
}

export function NumberField({ label, hint, value, min, max, step = 1, unset, placeholder, onChange }: NumberProps) {
  return (
    <Field label={label} hint={hint}>
      <input
        type="number"
        min={min}
        max={max}
        step={step}
        placeholder={placeholder}
        value={value === unset ? "" : value}
        onInput={(event) => {
          const text = event.currentTarget.value;
          if (text === "" && unset !== undefined) onChange(unset);
          else if (text !== "" && Number.isFinite(Number(text))) onChange(Number(text));
        }}
      />
    </Field>
  );
}

export function Slider({ label, value, min = 0, max = 1, step = 0.01, onChange }: NumberProps) {
  return (
    <Field label={`${label}: ${value}`}>
      <input type="range" min={min} max={max} step={step} value={value} onInput={(event) => onChange(Number(event.currentTarget.value))} />
    </Field>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export const options = (choices: Choice[]) =>
  choices.map((choice) => (
    <option key={choice.value} value={choice.value}>
      {choice.label}
    </option>
  ));

export function Select(props: { label: string; hint?: string; value: string; choices: Choice[]; onChange(value: string): void }) {
  const known = props.choices.some((choice) => choice.value === props.value);
  return (
    <Field label={props.label} hint={props.hint}>
      <select aria-label={props.label} value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {!known && <option value={props.value}>{props.value}</option>}
        {options(props.choices)}
      </select>
    </Field>
  );
}

export function Toggle(props: { label: string; hint?: string; checked: boolean; onChange(checked: boolean): void }) {
  return (
    <label class="toggle" title={props.hint}>
      <input type="checkbox" checked={props.checked} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      <span>{props.label}</span>
    </label>
  );
}

export const names = (list: readonly string[] | undefined): Choice[] => (list ?? []).map((name) => ({ value: name, label: name }));
