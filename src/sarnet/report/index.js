"use strict";
// Rows are sorted by the value in data-sort: as numbers if they are, what is missing always last.
const table = document.querySelector("table");
const body = table.tBodies[0];
const rows = Array.from(body.rows);

function sortBy(column, ascending) {
  const value = (row) => row.cells[column].dataset.sort;
  rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === "" || y === "") return (x === "") - (y === "");
    const order = isNaN(x) || isNaN(y) ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
    return ascending ? order : -order;
  });
  body.append(...rows);
}

for (const button of table.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    sortBy(head.cellIndex, ascending);
  });
}

for (const choice of document.querySelectorAll("input[name=show]")) {
  choice.addEventListener("change", () => {
    for (const row of rows) row.hidden = choice.value !== "all" && !row.classList.contains(choice.value);
  });
}
