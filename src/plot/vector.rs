//! A scene as compact SVG: on a sheet of its own, or to stand inside a page, in that page's ink.

use plotters::style::RGBColor;

use super::canvas::{Mark, Paint, Scene, Side};
use super::layout::{EDGE, GRID, INK, PALE_INK};
use super::words::FAMILY;
use crate::base::escape;

/// Greys in the order of their strength, with the opacity at which a page's own ink gives the same.
const GREYS: [(RGBColor, f64); 4] = [(INK.0, 1.0), (PALE_INK.0, 0.75), (EDGE.0, 0.5), (GRID.0, 0.15)];
/// What covers something on a white sheet.
const WHITE: RGBColor = RGBColor(255, 255, 255);

/// What a drawing stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// A white sheet that is part of the drawing: readable wherever it is put.
    Sheet,
    /// The page around it, light or dark, whose ink it takes.
    Page,
}

/// The scene as an SVG document; `title` is what it shows, for those who cannot see it.
pub(super) fn svg(scene: &Scene, title: &str, ground: Ground) -> String {
    let (width, height) = scene.size;
    let title = escape(title);
    // In a page that is narrower, it shrinks.
    let fit = if ground == Ground::Page { " style=\"max-width:100%;height:auto\"" } else { "" };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"{FAMILY}\" role=\"img\" aria-label=\"{title}\"{fit}><title>{title}</title>\n"
    );
    if ground == Ground::Sheet {
        text += &format!("<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n");
    }
    for mark in &scene.marks {
        if let Some(element) = element(mark, ground) {
            text += &element;
            text.push('\n');
        }
    }
    text + "</svg>"
}

/// One mark; none for what only covers the sheet, where there is no sheet.
fn element(mark: &Mark, ground: Ground) -> Option<String> {
    // White words stand on something dark, everything else that is white only covers the sheet.
    if ground == Ground::Page && is_cover(mark) {
        return None;
    }
    let ink = |attribute: &str, paint: Paint| ink(attribute, paint, ground);
    Some(match mark {
        Mark::Box { from, to, paint } => format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}/>",
            short(from.0.min(to.0)),
            short(from.1.min(to.1)),
            short((to.0 - from.0).abs()),
            short((to.1 - from.1).abs()),
            ink("fill", *paint)
        ),
        Mark::Line { path, width, paint } => {
            let places: Vec<String> = path.iter().map(|(x, y)| format!("{} {}", short(*x), short(*y))).collect();
            let closed = if path.len() > 2 && path.first() == path.last() { "Z" } else { "" };
            format!(
                "<path d=\"M{}{closed}\" fill=\"none\" stroke-width=\"{}\" stroke-linejoin=\"round\" {}/>",
                places.join("L"),
                short(*width),
                ink("stroke", *paint)
            )
        }
        Mark::Area { corners, paint } => {
            let places: Vec<String> = corners.iter().map(|(x, y)| format!("{},{}", short(*x), short(*y))).collect();
            format!("<polygon points=\"{}\" {}/>", places.join(" "), ink("fill", *paint))
        }
        Mark::Disc { at, radius, paint: (colour, opacity) } => {
            // Small and pale, it would be lost on a dark page.
            let paint = &(*colour, if ground == Ground::Page { opacity.max(0.75) } else { *opacity });
            format!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}/>", short(at.0), short(at.1), short(*radius), ink("fill", *paint))
        }
        Mark::Word { at, text, em, bold, side, up, paint } => {
            let anchor = match side {
                Side::Left => "",
                Side::Middle => " text-anchor=\"middle\"",
                Side::Right => " text-anchor=\"end\"",
            };
            let weight = if *bold { " font-weight=\"600\"" } else { "" };
            let (x, y) = (short(at.0), short(at.1));
            let turn = if *up { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
            format!(
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\"{anchor}{weight}{turn} {}>{}</text>",
                short(*em),
                ink("fill", *paint),
                escape(text)
            )
        }
    })
}

fn is_cover(mark: &Mark) -> bool {
    match mark {
        Mark::Box { paint, .. } | Mark::Line { paint, .. } | Mark::Area { paint, .. } | Mark::Disc { paint, .. } => {
            paint.0 == WHITE
        }
        Mark::Word { .. } => false,
    }
}

/// The attribute that paints.
fn ink(attribute: &str, (colour, opacity): Paint, ground: Ground) -> String {
    let solid = |name: &str, opacity: f64| {
        let opacity = if opacity < 1.0 {
            format!(" {attribute}-opacity=\"{}\"", (opacity * 1000.0).round() / 1000.0)
        } else {
            String::new()
        };
        format!("{attribute}=\"{name}\"{opacity}")
    };
    let grey = GREYS.iter().find(|(grey, _)| *grey == colour).filter(|_| ground == Ground::Page);
    if let Some((_, share)) = grey {
        return solid("currentColor", opacity * share);
    }
    let RGBColor(red, green, blue) = colour;
    solid(&format!("#{red:02x}{green:02x}{blue:02x}"), opacity)
}

/// A length with two decimals at most.
fn short(length: f64) -> String {
    // Adding 0 turns -0 into 0.
    format!("{}", (length * 100.0).round() / 100.0 + 0.0)
}
