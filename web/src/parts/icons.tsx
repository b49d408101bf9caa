// The page's own line drawings: no font has to have them.
const paths = {
  close: "M6 6l12 12M18 6L6 18",
  control: "M4 20V9l8-5 8 5v11zM9 20v-6h6v6",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  details: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 7.6v.1",
  dice: "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM8.5 8.5v.1M15.5 8.5v.1M12 12v.1M8.5 15.5v.1M15.5 15.5v.1",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  eraser: "M8 20h12M4.5 14.5l9-10 6.5 6-8.5 9.5H9z",
  file: "M4 19V6h6l2 2h8v11z",
  image: "M4 5h16v14H4zM4 17l5-5 4 4 3-3 4 4M15.5 9v.1",
  invert: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 8h7.6M12 12h9M12 16h7.6",
  brush: "M3 20c4 .5 6.5-.8 6.5-3.6a2.6 2.6 0 0 0-5.2 0C4.3 18.5 3.8 19.5 3 20zM9.3 14.6L18.5 4 20.5 6 10 15.5",
  next: "M9 5l7 7-7 7",
  plus: "M12 5v14M5 12h14",
  previous: "M15 5l-7 7 7 7",
  redo: "M16 4l4 4-4 4M20 8h-9.5a5.5 5.5 0 0 0 0 11H14",
  refresh: "M20 12a8 8 0 1 1-2.4-5.7L20 8.7M20 4v4.7h-4.7",
  reuse: "M4 12a8 8 0 0 1 13.7-5.7L20 8.7M20 4v4.7h-4.7M20 12a8 8 0 0 1-13.7 5.7L4 15.3M4 20v-4.7h4.7",
  sliders: "M4 7h9M18 7h2M4 17h2M11 17h9M15.5 4.5v5M8.5 14.5v5",
  star: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1.1 5.9-5.3-2.9-5.3 2.9 1.1-5.9L3.5 9.7l5.9-.8z",
  stop: "M7 7h10v10H7z",
  swap: "M4 8h15M15 4l4 4-4 4M20 16H5M9 12l-4 4 4 4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  undo: "M8 4L4 8l4 4M4 8h9.5a5.5 5.5 0 0 1 0 11H10",
  upscale: "M10 20H4v-6M14 4h6v6M4 20l7-7M20 4l-7 7",
};
export type IconName = keyof typeof paths;

export const Icon = (props: { name: IconName; filled?: boolean }) => (
  <svg class={props.filled ? "icon filled" : "icon"} viewBox="0 0 24 24" aria-hidden="true">
    <path d={paths[props.name]} />
  </svg>
);

interface ButtonProps {
  icon: IconName;
  label: string;
  text?: boolean; // the label is written beside the icon, else it is the button's hint
  filled?: boolean;
  pressed?: boolean;
  disabled?: boolean;
  onClick(): void;
}

export const Button = ({ icon, label, text, filled, pressed, disabled, onClick }: ButtonProps) => (
  <button type="button" class={text ? "with-icon" : "icon-only"} aria-label={text ? undefined : label} title={text ? undefined : label} aria-pressed={pressed} disabled={disabled} onClick={onClick}>
    <Icon name={icon} filled={filled ?? false} />
    {text && <span>{label}</span>}
  </button>
);
