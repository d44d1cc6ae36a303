// What a page offers to click, and how it looks, as seen from inside the page.
// Playwright adds this before the page's own scripts: it also counts what is sent to the
// server, so that a test knows when the answer to a click has come.
(() => {
    const CONTROLS = "button, a[href], summary, input[type=checkbox], "
        + "input[type=radio], [role=tab], [role=radio], [role=switch], "
        + "[role=button], [role=link]";
    // Streamlit's own, the same on every page and in every app: not ours to test.
    const STREAMLITS = "[data-testid=stElementToolbar], button[aria-label^='Help for'], "
        + "[data-testid=stHeader], [data-testid=stLogoLink], [data-testid=stSidebarNav], "
        + "[data-testid=stSidebarCollapseButton], [data-testid=stHeaderActionElements], "
        + "button[aria-label=Dismiss], .vega-embed details, .modebar";
    const told = { sent: 0, sentAt: 0, begun: 0, endedAt: 0, printed: 0, copied: 0 };

    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (...data) {
        told.sent += 1;
        told.sentAt = performance.now();
        return send.apply(this, data);
    };
    window.print = () => { told.printed += 1; };
    if (navigator.clipboard)
        navigator.clipboard.writeText = async () => { told.copied += 1; };

    const app = () => document.querySelector("[data-testid=stApp]");
    const watch = { attributeFilter: ["data-test-script-state"], subtree: true };
    new MutationObserver(() => {
        if (app()?.dataset.testScriptState === "notRunning")
            told.endedAt = performance.now();
        else told.begun += 1;
    }).observe(document, { ...watch, attributes: true });

    // Components draw into shadow roots, which a selector does not enter.
    const all = (root, found = []) => {
        for (const node of root.querySelectorAll("*")) {
            found.push(node);
            if (node.shadowRoot) all(node.shadowRoot, found);
        }
        return found;
    };
    const parent = node => node.parentElement ?? node.getRootNode().host;
    const closest = (node, selector) => {
        for (let at = node; at; at = parent(at)) if (at.matches(selector)) return at;
        return null;
    };
    const label = node => node.closest("label") ?? node;
    const keyOf = node => [...node.classList].find(name => name.startsWith("st-key-"));
    const placeOf = node => {
        for (let at = node; at; at = parent(at))
            if (keyOf(at)) return keyOf(at).slice("st-key-".length);
        return "";
    };
    const isShown = node => {
        const box = label(node).getBoundingClientRect();
        return box.width > 1 && box.height > 1
            && label(node).checkVisibility({ visibilityProperty: true });
    };
    // Icons are ligatures: their names stand in the text, and change as things open.
    const wordsOf = node => [...node.querySelectorAll("[data-testid=stIconMaterial]")]
        .reduce((text, icon) => text.replace(icon.textContent, ""),
            node.innerText || node.textContent || "");
    const nameOf = node => (node.getAttribute("aria-label") || wordsOf(label(node)))
        .trim().replace(/\s+/g, " ").slice(0, 60);
    const isChosen = node => node.checked === true
        || node.getAttribute("aria-current") === "step"
        || ["aria-checked", "aria-pressed", "aria-selected"]
            .some(name => node.getAttribute(name) === "true");
    const kindOf = node => {
        if (node.type === "radio") return "radio";
        if (node.type === "checkbox") return "toggle";
        if (node.role === "radio" || node.role === "tab") return "option";
        if (closest(node, "[data-testid=stButtonGroup]")) return "pill";
        if (closest(node, "[data-testid=stSelectbox], [data-testid=stMultiSelect]"))
            return "list";
        if (closest(node, "[data-testid=stNumberInput]")) return "stepper";
        if (closest(node, "[data-testid=stPopoverButton]")) return "popover";
        if (node.tagName === "SUMMARY") return "expander";
        if (node.tagName === "A") return "link";
        if (["button", "link"].includes(node.role) && !node.matches("button, a"))
            return "mark";
        return "button";
    };

    const hash = text => {
        let value = 0;
        for (let at = 0; at < text.length; at += 1)
            value = (Math.imul(value, 31) + text.charCodeAt(at)) | 0;
        return value;
    };

    window.controls = {
        told,
        nodes: {},

        // Every control in sight that can be used, with a name that a fresh load repeats.
        list(inside) {
            const seen = {}, found = [];
            const dialog = document.querySelector("[role=dialog][aria-modal=true]");
            for (const node of all(dialog ?? document.body)) {
                if (!node.matches(CONTROLS) || closest(node, STREAMLITS)) continue;
                if (!!closest(node, "[data-testid=stSidebar]") !== (inside === "sidebar"))
                    continue;
                if (node.disabled || node.ariaDisabled === "true" || !isShown(node))
                    continue;
                const kind = kindOf(node), place = placeOf(node), name = nameOf(node);
                const words = `${place} | ${kind} | ${name}`;
                seen[words] = (seen[words] ?? 0) + 1;
                const id = seen[words] > 1 ? `${words} | ${seen[words]}` : words;
                this.nodes[id] = label(node);
                found.push({ id, kind, place, name, chosen: isChosen(node) });
            }
            return found;
        },

        // What a reader sees, as one number: words, choices, fields, drawings, address.
        look() {
            const parts = [location.href];
            for (const node of all(document.body)) {
                for (const child of node.childNodes)
                    if (child.nodeType === Node.TEXT_NODE && node.tagName !== "STYLE")
                        parts.push(child.data);
                if (node.matches("input, textarea")) parts.push(node.value, node.checked);
                if (node.matches("canvas")) parts.push(hash(node.toDataURL()));
                if (node.namespaceURI.endsWith("svg")) parts.push(
                    ...[...node.attributes].map(each => each.value));
                for (const name of ["aria-checked", "aria-pressed", "aria-selected",
                    "aria-expanded", "aria-current", "aria-label", "open", "disabled"])
                    parts.push(node.getAttribute(name));
            }
            parts.push(told.printed, told.copied);
            return hash(parts.join("\u0001"));
        },

        // The server has answered what was sent last, and nothing is still on its way.
        isStill() {
            const now = performance.now();
            return app()?.dataset.testScriptState === "notRunning"
                && document.querySelector(".st-key-keyboard") !== null
                && !document.querySelector(
                    "[data-testid=stSkeleton], [data-testid=stStatusWidget]")
                && now - told.sentAt > 120
                && (told.endedAt >= told.sentAt || now - told.sentAt > 2_000);
        },

        // What the widgets of these keys show.
        shown(keys) {
            return Object.fromEntries(keys.flatMap(key => {
                const widget = document.querySelector(`.st-key-${CSS.escape(key)}`);
                if (!widget) return [];
                const nodes = all(widget);
                const fields = nodes.filter(node => node.matches("input, textarea"));
                const chosen = nodes.filter(isChosen).map(nameOf);
                return [[key, [...fields.map(node => node.value), ...chosen]]];
            }));
        },
    };
})();
