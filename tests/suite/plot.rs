//! Figures: what a reader finds in each format, and what cannot be drawn.

use std::path::Path;

use spaceevo::plot::{Axis, Figure, Kind, Point, Series, pareto};

fn two_spaces() -> Figure {
    let points = |shift: f64| (1..7).map(|i| Point::new(0.5 * f64::from(i), 70.0 + shift + 3.0 * f64::from(i % 4))).collect();
    Figure::fronts(
        "Accuracy over latency",
        "INT8 latency (ms)",
        "top-1 (%)",
        vec![("evolved <122>".into(), points(2.0)), ("plain & simple".into(), points(0.0))],
    )
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
    mbconv FP32 ████████████████████████████ 2.00
           INT8 ███████ 0.50
    ghost  FP32 ██████████████ 1.00
           INT8 ██████████▌ 0.75
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
fn values_without_a_place_are_faults() {
    let with =
        |axis: Axis, point: Point| Figure::new("", axis, Axis::linear("y")).with(Series::new("loss", Kind::Line, vec![point]));
    let nan = with(Axis::linear("x"), Point::new(0.0, f64::NAN)).to_svg().expect_err("not a number");
    assert_eq!((nan.code.as_str(), nan.message.contains("`loss`")), ("plot::not_finite", true));
    let zero = with(Axis::log("steps"), Point::new(0.0, 1.0)).to_text(60, 20).expect_err("no logarithm");
    assert_eq!((zero.code.as_str(), zero.message.contains("`steps`")), ("plot::log", true));
    let size = Figure { size: (10, 10), ..two_spaces() }.to_png().expect_err("too small");
    assert_eq!(size.code, "plot::size");
}

#[test]
fn the_ending_of_a_path_names_the_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let figure = Figure { size: (200, 160), ..two_spaces() };
    for (name, begins) in [("a.svg", &b"<svg"[..]), ("deep/b.PNG", b"\x89PNG"), ("c.txt", b"Accuracy")] {
        let path = folder.path().join(name);
        figure.save(&path).expect("saved");
        assert!(std::fs::read(&path).expect("a file").starts_with(begins), "{name}");
    }
    let wrong = figure.save(Path::new("figure.gif")).expect_err("no such format");
    assert_eq!(wrong.code, "plot::format");
}

#[test]
fn the_front_keeps_what_no_other_point_beats() {
    let points = [(3.0, 5.0), (1.0, 2.0), (2.0, 1.0), (2.0, 4.0), (4.0, 5.0), (1.0, 2.0)].map(|(x, y)| Point::new(x, y));
    assert_eq!(pareto(&points), [1, 3, 0]);
}
