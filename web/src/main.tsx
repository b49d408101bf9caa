// The page starts here.
import { render } from "preact";
import { App } from "./app";
import "./style/page.css";
import "./style/controls.css";
import "./style/pictures.css";
import "./style/lists.css";
import "./style/narrow.css";

render(<App />, document.getElementById("app")!);
