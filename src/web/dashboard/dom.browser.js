/** The element of this id. */
export const $ = id => document.getElementById(id);

/**
 * A new element. Attributes that are functions listen to the event of that name; `false` and `undefined` are left out.
 * Children may be texts.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== undefined));
  return element;
}

/** Told to those who do not see the page. */
export function say(text) {
  $('said').textContent = text;
}

/** Shown until something else goes wrong, or nothing. */
export function showProblem(error) {
  $('problem').textContent = error ? error.message : '';
}

/** Runs what a click or form began; what goes wrong is shown. */
export function doing(work) {
  return async event => {
    event?.preventDefault();
    showProblem();
    try {
      await work(event);
    } catch (error) {
      showProblem(error);
    }
  };
}

/** Does it when there has been no other call for a moment, as while somebody types. */
export function later(work, ms = 150) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}

/** Such as `3 min`. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}
