//! Tables as people read them: in terminals of any width, and on pages.

use spaceevo::frame::{Cell, MarkupOptions, Table, View, figure};

use super::{gives, measured};

#[test]
fn a_table_reads_well() {
    insta::assert_snapshot!(measured().to_text(80), @r"
    operator  channels  int8_ms  quantized
    ────────  ────────  ───────  ─────────
    ghost           16    0.212  true
    mbv2            32    1.500  true
    ghost           32    0.750  false
    resnet          16   12.000  true
    ");
}

#[test]
fn a_long_table_is_folded_and_a_wide_one_loses_columns_and_says_so() {
    let mut table =
        Table::builder().int("step", 0..200).text("note", (0..200).map(|at| format!("a rather long note on step number {at}")));
    for name in ["loss", "top1_pct", "int8_ms"] {
        table = table.float(name, (0..200).map(|at| f64::from(at) / 7.0));
    }
    let table = table.build().expect("a table");
    let text = table.to_text(44);
    assert!(text.lines().all(|line| line.chars().count() <= 44 || line.starts_with('…')), "{text}");
    assert!(text.contains("… 180 more rows"), "{text}");
    assert!(text.ends_with("… 1 more column: int8_ms"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[11].starts_with("   9") && lines[12].starts_with('…') && lines[13].starts_with(" 190"), "{text}");
    assert_eq!(table.head(21).to_text(80).lines().count(), 23, "21 rows are not folded");
    insta::assert_snapshot!(table.head(3).to_text(44), @r"
    step  note                    loss  top1_pct
    ────  ────────────────────  ──────  ────────
       0  a rather long note…   0.0000    0.0000
       1  a rather long note…   0.1429    0.1429
       2  a rather long note…   0.2857    0.2857
    … 1 more column: int8_ms
    ");
}

#[test]
fn numbers_are_rounded_to_what_matters() {
    let shown: Vec<_> = [0.0, 3.0, 0.123456, 12.3456, 123456.7, -2.5, 0.00012346, 1e-7, 2.5e12, f64::NAN, f64::INFINITY]
        .iter()
        .map(|value| figure(*value))
        .collect();
    assert_eq!(shown, ["0", "3", "0.1235", "12.35", "123457", "-2.5", "0.0001235", "1.000e-7", "2.500e12", "NaN", "inf"]);
    let column = Table::builder().float("x", [0.001234, 123.4]).build().expect("a table").to_text(80);
    assert_eq!(column.lines().skip(2).map(str::trim).collect::<Vec<_>>(), ["0.001234", "123.4"]);
}

#[test]
fn html_is_escaped() {
    let html = Table::builder().text("<b>", ["<script>alert('x')</script> & \"y\""]).build().expect("a table").to_html();
    assert!(
        html.contains("&lt;b&gt;") && html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"),
        "{html}"
    );
    assert!(!html.contains("<script>"), "{html}");
}

/// The cells of one column of numbers, as shown.
fn column(values: &[f64]) -> Vec<String> {
    let table = Table::builder().float("x", values.iter().copied()).build().expect("a table");
    table.to_text(80).lines().skip(2).map(String::from).collect()
}

#[test]
fn points_stand_under_each_other_and_digits_are_those_that_matter() {
    assert_eq!(column(&[0.1 + 0.2, 1.0, 0.75]), ["0.30", "1.00", "0.75"]);
    assert_eq!(column(&[0.5, 123456.7, 2.25]), ["     0.5", "123457", "     2.25"], "small ones keep their digits");
    assert_eq!(column(&[128.0, 1.23456, 0.5]), ["128", "  1.235", "  0.500"], "counts leave the others theirs");
    assert_eq!(column(&[0.5, 0.25, 1e-7]), ["0.50", "0.25", "1.000e-7"]);
    assert_eq!(column(&[2.5e9, 1e8]), ["2500000000", " 100000000"], "no exponents at usual sizes");
    assert_eq!(column(&[1.5, f64::NAN, -0.0]), ["1.5", "NaN", "0.0"]);
}

#[test]
fn missing_values_are_a_dash_and_dim_where_the_terminal_can() {
    let table = Table::builder().cells("ms", vec![Cell::Float(1.5), Cell::Null]).build().expect("a table");
    assert_eq!(table.to_text(80), " ms\n───\n1.5\n  –");
    let coloured = table.to_text_as(&View { places: 80, rows: 20, colour: true });
    assert!(coloured.ends_with("  \u{1b}[2m–\u{1b}[0m"), "{coloured:?}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut table = Table::builder()
        .text("name", ["日本語のテキストがここに続きます", "e\u{301}le\u{300}ve with a tail that goes on and on and on and on"])
        .text("note", ["two\nlines and more words to fill the place", ""]);
    for at in 0..30 {
        table = table.float(&format!("a_column_of_numbers_{at}_ms"), [f64::from(at) * 1.5, 1e6]);
    }
    let table = table.build().expect("a table");
    for places in [20, 25, 40, 61, 80, 120, 400] {
        let text = table.to_text(places);
        for line in text.lines() {
            let wide: usize = line.chars().map(|letter| if ('\u{3000}'..'\u{a000}').contains(&letter) { 2 } else { 1 }).sum();
            // The two accents take no place.
            assert!(wide <= places + 2, "{places}: {line:?}");
        }
        assert!(text.contains("more columns:"), "{places}: {text}");
    }
    assert!(table.to_text(60).contains("others"), "not all names are listed where they would fill the screen");
}

#[test]
fn a_long_table_says_how_long_with_commas() {
    let table = Table::builder().int("step", 0..5000).build().expect("a table");
    assert!(table.to_text(80).contains("\n… 4,980 more rows\n"), "{}", table.to_text(80));
    assert!(table.to_html().contains("… 4,940 more rows"));
}

#[test]
fn texts_that_look_like_numbers_say_that_they_are_none() {
    let table = Table::builder().text("ms", ["1.5", "2"]).text("op", ["a", "2"]).build().expect("a table");
    assert_eq!(table.to_text(80).lines().next(), Some("ms (text)  op"));
}

#[test]
fn markdown_and_latex_are_escaped_and_whole() {
    let table = Table::builder()
        .text("op", ["a|b & 50% <i>", "x_y"])
        .cells("int8_ms", vec![Cell::Float(-0.1 - 0.2), Cell::Null])
        .build()
        .expect("a table");
    insta::assert_snapshot!(table.to_markdown(&MarkupOptions::default()).expect("a page"), @r"
    | op                | int8_ms |
    | :---------------- | ------: |
    | a\|b & 50% &lt;i> |    -0.3 |
    | x_y               |       – |
    ");
    let headers = [("int8_ms".to_string(), "INT8 (ms)".to_string())].into();
    let options = MarkupOptions { headers, caption: Some("5% faster".into()), label: Some("tab:a".into()) };
    insta::assert_snapshot!(table.to_latex(&options).expect("a page"), @r"
    % needs \usepackage{booktabs}
    \begin{table}
    \centering
    \caption{5\% faster}
    \label{tab:a}
    \begin{tabular}{lr}
    \toprule
    op & INT8 (ms) \\
    \midrule
    a|b \& 50\% \textless{}i\textgreater{} & $-0.3$ \\
    x\_y & -- \\
    \bottomrule
    \end{tabular}
    \end{table}
    ");
    let wrong = MarkupOptions { headers: [("int8".to_string(), "x".to_string())].into(), ..MarkupOptions::default() };
    assert_eq!(table.to_latex(&wrong).expect_err("a fault").code, "frame::no_column");
    let long = Table::builder().int("step", 0..500).build().expect("a table");
    assert_eq!(long.to_markdown(&MarkupOptions::default()).expect("a page").lines().count(), 502);
    assert!(gives("table(#{ int8_ms: [1.5] }).to_latex()").contains(r"int8\_ms \\"));
}
