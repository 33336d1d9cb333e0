//! Figures: what a reader finds in each format, and what cannot be drawn.

use std::path::Path;

use spaceevo::plot::{Axis, Figure, Given, Kind, Layer, Point, Series, TextStyle, Values, label_of, pareto};

fn two_spaces() -> Figure {
    let points = |shift: f64| (1..7).map(|i| Point::new(0.5 * f64::from(i), 70.0 + shift + 3.0 * f64::from(i % 4))).collect();
    Figure::fronts(
        "Accuracy over latency",
        "INT8 latency (ms)",
        "top-1 (%)",
        vec![("evolved <122>".into(), points(2.0)), ("plain & simple".into(), points(0.0))],
    )
}

fn numbers(column: &str, values: &[f64]) -> Given {
    Given { column: column.into(), values: Values::Numbers(values.to_vec()) }
}

fn names(column: &str, values: &[&str]) -> Given {
    Given { column: column.into(), values: Values::Names(values.iter().map(ToString::to_string).collect()) }
}

fn empty() -> Figure {
    Figure::new("", Axis::linear(""), Axis::linear(""))
}

/// Six rows as a search leaves them.
fn layer(kind: Kind) -> Layer {
    let low = numbers("low_ms", &[0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
    let y = numbers("int8_ms", &[1.0, 2.0, 3.0, 2.5, 3.5, 4.5]);
    Layer {
        value: (kind == Kind::Heat).then(|| y.clone()),
        y: Some(if kind == Kind::Heat {
            names("operator", &["ghost", "ghost", "ghost", "mbconv", "mbconv", "mbconv"])
        } else {
            y
        }),
        range: (kind == Kind::Band).then(|| (vec![0.5; 6], vec![5.0; 6])),
        ..Layer::new(kind, if kind == Kind::Bars { names("stage", &["a", "b", "c", "a", "b", "c"]) } else { low }, None)
    }
}

fn by_operator(kind: Kind) -> Layer {
    Layer { colour: Some(names("operator", &["ghost", "ghost", "ghost", "mbconv", "mbconv", "mbconv"])), ..layer(kind) }
}

#[test]
fn a_text_plot_shows_axes_legend_and_marks() {
    insta::assert_snapshot!(two_spaces().to_text(56, 16).expect("a plot"), @r"
    Accuracy over latency
    ● evolved <122>   ■ plain & simple
    top-1 (%)
       │                   ⢀⡠●
    80 ┤               ⢀⡠⠔⠊⠁
       │           ●⡠⠔⠊⠁  ⣀⠤⠒■                           ●
       │        ⢠⠔⠊⠁  ⣀⠤⠒⠉
       │    ⢀⡠⠔⠊⠁ ⣀■⠒⠉                                   ■
    75 ┤  ●⠊⠁ ⢀⡠⠔⠉                              ●
       │   ⣀⠤⠒⠁
       │  ■                           ●         ■
       │
    70 ┤                              ■
       └────────────┬─────────────────┬──────────────────┬──
                    1                 2                  3
                         INT8 latency (ms)
    ");
}

#[test]
fn text_bars_are_as_long_as_their_values() {
    let names = ["mbconv", "ghost"].map(String::from).to_vec();
    let figure = Figure::bars("Latency", "ms", names, vec![("FP32".into(), vec![2.0, 1.0]), ("INT8".into(), vec![0.5, 0.75])]);
    insta::assert_snapshot!(figure.to_text(50, 16).expect("a plot"), @r"
    Latency
    ms
    mbconv FP32 █████████████████████████████████ 2.00
           INT8 ████████▎ 0.50
    ghost  FP32 ████████████████▌ 1.00
           INT8 ████████████▍ 0.75
    ");
}

#[test]
fn svg_is_well_formed_and_holds_every_word() {
    let svg = two_spaces().to_svg().expect("a figure");
    for word in ["evolved &lt;122&gt;", "plain &amp; simple", "INT8 latency (ms)", "top-1 (%)", "Accuracy over latency"] {
        assert!(svg.contains(word), "no `{word}` in the figure");
    }
    assert!(svg.starts_with("<svg width=\"640\" height=\"420\" viewBox="), "{}", &svg[..80]);
    assert!(svg.trim_end().ends_with("</svg>"));
    // Every element is closed: this writer puts one tag on a line.
    let (opened, closed) = svg
        .lines()
        .filter(|line| line.starts_with('<') && !line.ends_with("/>"))
        .partition::<Vec<_>, _>(|line| !line.starts_with("</"));
    assert_eq!(opened.len(), closed.len());
}

#[test]
fn png_decodes_at_two_pixels_a_point_and_is_not_blank() {
    let figure = Figure { size: (320, 200), ..two_spaces() };
    let bytes = figure.to_png().expect("a figure");
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    assert_eq!((info.width, info.height), (640, 400));
    let blue = pixels.chunks_exact(3).filter(|pixel| **pixel == [0x00, 0x72, 0xb2]).count();
    assert!(blue > 100, "{blue} pixels in the colour of the first series");
    assert_eq!(bytes, figure.to_png().expect("a figure"), "drawing twice must give the same bytes");
}

#[test]
fn every_kind_of_series_draws_in_every_format() {
    let points: Vec<Point> =
        (0..9).map(|i| Point::new(f64::from(i), f64::from(i * i)).within(f64::from(i), f64::from(80)).labelled("p")).collect();
    for kind in [Kind::Points, Kind::Dots, Kind::Line, Kind::Step, Kind::Band, Kind::Bars, Kind::Front] {
        for count in [1, 9] {
            let series = Series::new("some", kind, points[..count].to_vec());
            let figure = Figure { size: (200, 160), ..Figure::new("", Axis::linear("x"), Axis::linear("y")) }.with(series);
            assert!(figure.to_svg().expect("svg").contains("some"));
            assert!(figure.to_png().expect("png").len() > 500);
            assert!(figure.to_text(40, 12).expect("text").lines().count() > 1);
        }
    }
}

#[test]
fn a_figure_without_points_says_so() {
    let figure = Figure::history("Search", "score", &[None, None]);
    assert!(figure.to_svg().expect("svg").contains("no data"));
    assert_eq!(figure.to_text(60, 12).expect("text"), "Search\nno data\n");
}

#[test]
fn values_without_a_place_are_left_out_or_faults() {
    let with =
        |axis: Axis, points: Vec<Point>| Figure::new("", axis, Axis::linear("y")).with(Series::new("loss", Kind::Line, points));
    let holes = with(Axis::linear("x"), [f64::NAN, 1.0, 2.0].map(|y| Point::new(y + 1.0, y)).to_vec());
    let note = "1 of the points of `loss` left out: not finite";
    assert!(holes.to_svg().expect("svg").contains(note));
    assert!(holes.to_text(60, 12).expect("text").ends_with(&format!("{note}\n")));
    assert!(holes.to_csv().contains("loss,line,,\n"), "{}", holes.to_csv());
    let zero =
        with(Axis::log("steps"), vec![Point::new(0.0, 1.0), Point::new(2.0, 1.0)]).to_text(60, 20).expect_err("no logarithm");
    assert_eq!(
        (zero.code.as_str(), zero.message.contains("1 of 2"), zero.message.contains("`steps`")),
        ("plot::log", true, true)
    );
    let size = Figure { size: (10, 10), ..two_spaces() }.to_png().expect_err("too small");
    assert_eq!(size.code, "plot::size");
}

#[test]
fn every_kind_of_layer_draws_in_every_format_with_colours_and_panels() {
    let kinds = [Kind::Points, Kind::Front, Kind::Line, Kind::Bars, Kind::Band, Kind::Histogram, Kind::Heat];
    for kind in kinds {
        for facets in [false, true] {
            let mut figure = empty();
            let facet_by = facets.then(|| numbers("resolution", &[160.0, 176.0, 160.0, 176.0, 160.0, 176.0]));
            let added = Layer { facet_by, ..if kind == Kind::Heat { layer(kind) } else { by_operator(kind) } };
            figure.add(&added).unwrap_or_else(|fault| panic!("{kind:?}: {fault:?}"));
            let svg = figure.to_svg().expect("svg");
            assert!(svg.contains("ghost") && svg.contains("mbconv"), "{kind:?} does not name its operators");
            assert_eq!(svg.contains("resolution 176"), facets, "{kind:?}");
            assert!(svg.contains(if kind == Kind::Bars { "stage" } else { "low (ms)" }), "{kind:?} has no label");
            assert!(figure.to_png_wide(300).expect("png").len() > 500);
            assert!(figure.to_pdf().expect("pdf").starts_with(b"%PDF-1."));
            for (unicode, colour) in [(true, true), (false, false)] {
                let text = figure.to_text_in(&TextStyle { width: 48, height: 14, unicode, colour }).expect("text");
                assert!(text.lines().count() > 3 && text.contains("mbconv"), "{kind:?}\n{text}");
                assert_eq!(text.contains('\u{1b}'), colour && kind != Kind::Heat, "{kind:?}\n{text}");
                assert!(unicode || text.is_ascii(), "{text}");
                let wide = text.lines().map(|line| line.chars().count()).max();
                assert!(colour || wide <= Some(48), "{wide:?}\n{text}");
                assert_eq!(text.contains("resolution 160"), facets, "{text}");
            }
        }
    }
}

#[test]
fn groups_keep_their_colour_and_axes_their_columns() {
    let mut figure = empty();
    figure.add(&by_operator(Kind::Points)).expect("points");
    let mbconv = Layer { name: Some("mbconv".into()), ..layer(Kind::Line) };
    figure.add(&mbconv).expect("a line");
    assert_eq!(figure.series[1].colour, figure.series[2].colour, "one name, one colour");
    assert_ne!(figure.series[0].colour, figure.series[1].colour);
    assert_eq!((figure.x.shown(), figure.y.shown()), ("low (ms)".to_string(), "int8 (ms)".to_string()));
    assert_eq!(label_of("top1_pct"), "top1 (%)");
    let mut shaded = empty();
    shaded.add(&Layer { colour: Some(numbers("loss", &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])), ..layer(Kind::Points) }).expect("shades");
    assert_eq!((shaded.series.len(), shaded.shade.shown().as_str()), (1, "loss"));
}

#[test]
fn what_cannot_be_drawn_changes_nothing_and_says_why() {
    let many: Vec<String> = (0..13).map(|i| format!("stage{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let thirteen = |column: &str| Layer::new(Kind::Points, numbers(column, &[1.0; 13]), Some(numbers("y", &[1.0; 13])));
    let letters = (0..30).map(|i| format!("name{i}")).collect::<Vec<_>>();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    let thirty = Layer::new(Kind::Points, numbers("x", &[1.0; 30]), Some(numbers("y", &[1.0; 30])));
    let twice = Layer {
        value: Some(numbers("ms", &[1.0, 2.0])),
        ..Layer::new(Kind::Heat, names("x", &["a", "a"]), Some(names("y", &["b", "b"])))
    };
    let cases = [
        (Layer::new(Kind::Points, numbers("x", &[]), Some(numbers("y", &[]))), "plot::empty"),
        (Layer::new(Kind::Points, numbers("x", &[f64::NAN]), Some(numbers("y", &[1.0]))), "plot::empty"),
        (Layer::new(Kind::Points, numbers("x", &[1.0]), Some(names("y", &["a"]))), "plot::not_numbers"),
        (Layer::new(Kind::Histogram, names("x", &["a"]), None), "plot::not_numbers"),
        (Layer::new(Kind::Points, names("x", &["a"]), Some(numbers("y", &[1.0]))), "plot::axis"),
        (Layer { facet_by: Some(names("stage", &many)), ..thirteen("x") }, "plot::too_many"),
        (Layer { colour: Some(names("name", &letters)), ..thirty }, "plot::too_many"),
    ];
    let mut figure = empty();
    figure.add(&layer(Kind::Points)).expect("points");
    let before = figure.clone();
    for (layer, code) in cases {
        assert_eq!(figure.add(&layer).expect_err(code).code, code);
        assert_eq!(figure, before);
    }
    assert_eq!(empty().add(&twice).expect_err("two values").code, "plot::cell_twice");
    let mut log = Figure::new("", Axis::log(""), Axis::linear(""));
    for kind in [Kind::Points, Kind::Histogram] {
        let y = (kind == Kind::Points).then(|| numbers("y", &[1.0; 3]));
        let fault = log.add(&Layer::new(kind, numbers("mflops", &[1.0, 0.0, -2.0]), y)).expect_err("no logarithm");
        assert_eq!((fault.code.as_str(), fault.message.contains("2 of 3")), ("plot::log", true), "{}", fault.message);
    }
    let mut panels = empty();
    panels.add(&Layer { facet_by: Some(names("stage", &["a"; 6])), ..layer(Kind::Points) }).expect("panels");
    let other = Layer { facet_by: Some(names("operator", &["a"; 6])), ..layer(Kind::Points) };
    assert_eq!(panels.add(&other).expect_err("two columns").code, "plot::facets");
}

#[test]
fn a_heat_map_in_text_has_shades_and_values() {
    let mut figure = empty();
    let cells = Layer {
        value: Some(numbers("int8_ms", &[0.1, 0.2, 0.3, 0.5])),
        ..Layer::new(
            Kind::Heat,
            numbers("kernel", &[3.0, 5.0, 3.0, 5.0]),
            Some(names("operator", &["ghost", "ghost", "mbconv", "mbconv"])),
        )
    };
    figure.add(&cells).expect("cells");
    insta::assert_snapshot!(figure.to_text(34, 12).expect("text"), @r"
    operator over kernel
           3           5
    ghost  ·· 0.10     ░░ 0.20
    mbconv ▒▒ 0.30     ██ 0.50
    int8 (ms): 0.10 ·░▒▓█ 0.50
    ");
}

#[test]
fn a_pdf_holds_its_fonts_and_is_the_same_each_time() {
    let bytes = two_spaces().to_pdf().expect("pdf");
    let text = String::from_utf8_lossy(&bytes);
    for part in ["/FontFile2", "Roboto-Regular", "Roboto-Medium", "/ToUnicode", "/MediaBox [0 0 640 420]", "%%EOF"] {
        assert!(text.contains(part), "no {part} in the document");
    }
    assert_eq!(bytes, two_spaces().to_pdf().expect("pdf"));
}

#[test]
fn data_lie_beside_a_picture_and_never_over_something_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("latency.svg");
    let data = folder.path().join("latency.csv");
    let mut figure = empty();
    figure
        .add(&Layer { labels: Some(["a,b", "", "", "", "", ""].map(String::from).to_vec()), ..layer(Kind::Points) })
        .expect("points");
    figure.save(&picture, false).expect("saved");
    assert!(!data.exists());
    figure.save(&picture, true).expect("saved");
    let text = std::fs::read_to_string(&data).expect("data");
    assert_eq!(
        text.lines().take(3).collect::<Vec<_>>(),
        ["series,kind,x,y,label", "int8_ms,points,0.5,1,\"a,b\"", "int8_ms,points,1,2,"]
    );
    figure.save(&picture, true).expect("saved over its own data");
    std::fs::write(&data, "operator,ms\nghost,1\n").expect("a table of the user");
    assert_eq!(figure.save(&picture, true).expect_err("not its own").code, "plot::data_taken");
    assert_eq!(std::fs::read_to_string(&data).expect("data"), "operator,ms\nghost,1\n");
}

#[test]
fn the_ending_of_a_path_names_the_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let figure = Figure { size: (200, 160), ..two_spaces() };
    for (name, begins) in [("a.svg", &b"<svg"[..]), ("deep/b.PNG", b"\x89PNG"), ("c.pdf", b"%PDF"), ("d.txt", b"Accuracy")] {
        let path = folder.path().join(name);
        figure.save(&path, true).expect("saved");
        assert!(std::fs::read(&path).expect("a file").starts_with(begins), "{name}");
    }
    let wrong = figure.save(Path::new("figure.gif"), true).expect_err("no such format");
    assert_eq!(wrong.code, "plot::format");
}

#[test]
fn the_front_keeps_what_no_other_point_beats() {
    let points = [(3.0, 5.0), (1.0, 2.0), (2.0, 1.0), (2.0, 4.0), (4.0, 5.0), (1.0, 2.0)].map(|(x, y)| Point::new(x, y));
    assert_eq!(pareto(&points), [1, 3, 0]);
}
