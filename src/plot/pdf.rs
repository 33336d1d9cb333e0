//! A scene as a PDF page with its fonts inside.

use pdf_writer::types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use plotters::style::RGBColor;
use ttf_parser::Face;

use super::canvas::{Mark, Paint, Scene, Side, Spot};
use super::words;

/// From the centre of a quarter circle's ends to its handles, in radii.
const HANDLE: f32 = 0.552_284_8;
/// Objects for each font, from the first one on.
const FONT_REFS: i32 = 10;
const REFS_A_FONT: i32 = 5;

/// Everything of a page that lies in other objects: levels of opacity, in the order in which they first came.
struct Page {
    content: Content,
    height: f64,
    levels: Vec<u8>,
    faces: Vec<Option<Face<'static>>>,
}

/// The scene as a document of one page of its size.
pub(super) fn page(scene: &Scene, title: &str) -> Vec<u8> {
    let (width, height) = (f64::from(scene.size.0), f64::from(scene.size.1));
    let faces = words::FILES.iter().map(|file| Face::parse(file, 0).ok()).collect();
    let mut page = Page { content: Content::new(), height, levels: Vec::new(), faces };
    page.content.set_line_join(LineJoinStyle::RoundJoin).set_line_cap(LineCapStyle::ButtCap);
    scene.marks.iter().for_each(|mark| page.draw(mark));
    page.finish((width as f32, height as f32), title)
}

impl Page {
    /// A spot in the page's own coordinates, which grow upwards.
    fn spot(&self, (x, y): Spot) -> (f32, f32) {
        (x as f32, (self.height - y) as f32)
    }

    /// Colour and opacity of what follows, for lines and areas.
    fn ink(&mut self, (RGBColor(r, g, b), opacity): Paint) {
        let level = (opacity.clamp(0.0, 1.0) * 100.0).round() as u8;
        if !self.levels.contains(&level) {
            self.levels.push(level);
        }
        let share = |channel: u8| f32::from(channel) / 255.0;
        self.content.set_parameters(Name(format!("O{level}").as_bytes()));
        self.content.set_fill_rgb(share(r), share(g), share(b)).set_stroke_rgb(share(r), share(g), share(b));
    }

    fn path(&mut self, path: &[Spot]) {
        for (at, &spot) in path.iter().enumerate() {
            let (x, y) = self.spot(spot);
            if at == 0 {
                self.content.move_to(x, y)
            } else {
                self.content.line_to(x, y)
            };
        }
    }

    fn draw(&mut self, mark: &Mark) {
        match mark {
            Mark::Box { from, to, paint } => {
                self.ink(*paint);
                let ((left, top), (right, bottom)) = (self.spot(*from), self.spot(*to));
                self.content.rect(left, bottom, right - left, top - bottom).fill_nonzero();
            }
            Mark::Line { path, width, paint } if path.len() > 1 => {
                self.ink(*paint);
                self.content.set_line_width(*width as f32);
                self.path(path);
                self.content.stroke();
            }
            Mark::Line { .. } => {}
            Mark::Area { corners, paint } => {
                self.ink(*paint);
                self.path(corners);
                self.content.close_path().fill_nonzero();
            }
            Mark::Disc { at, radius, paint } => {
                self.ink(*paint);
                let ((x, y), r) = (self.spot(*at), *radius as f32);
                let k = HANDLE * r;
                self.content.move_to(x + r, y);
                self.content.cubic_to(x + r, y + k, x + k, y + r, x, y + r);
                self.content.cubic_to(x - k, y + r, x - r, y + k, x - r, y);
                self.content.cubic_to(x - r, y - k, x - k, y - r, x, y - r);
                self.content.cubic_to(x + k, y - r, x + r, y - k, x + r, y);
                self.content.close_path().fill_nonzero();
            }
            Mark::Word { at, text, em, bold, side, up, paint } => {
                self.ink(*paint);
                let wide = words::width(text, *em, *bold) as f32;
                let back = match side {
                    Side::Left => 0.0,
                    Side::Middle => wide / 2.0,
                    Side::Right => wide,
                };
                let (x, y) = self.spot(*at);
                let matrix = if *up { [0.0, 1.0, -1.0, 0.0, x, y - back] } else { [1.0, 0.0, 0.0, 1.0, x - back, y] };
                let glyphs: Vec<u8> = text.chars().flat_map(|letter| self.glyph(*bold, letter).to_be_bytes()).collect();
                self.content.begin_text();
                self.content.set_font(Name(font_name(*bold)), *em as f32);
                self.content.set_text_matrix(matrix).show(Str(&glyphs)).end_text();
            }
        }
    }

    /// The number of a letter in the font; that of the empty box if the font lacks it, as in the other formats.
    fn glyph(&self, bold: bool, letter: char) -> u16 {
        self.faces[usize::from(bold)].as_ref().and_then(|face| face.glyph_index(letter)).map_or(0, |glyph| glyph.0)
    }

    fn finish(self, size: (f32, f32), title: &str) -> Vec<u8> {
        let [catalog, pages, page, content, info] = [1, 2, 3, 4, 5].map(Ref::new);
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(pages);
        pdf.pages(pages).kids([page]).count(1);
        let mut leaf = pdf.page(page);
        leaf.media_box(Rect::new(0.0, 0.0, size.0, size.1)).parent(pages).contents(content);
        let mut resources = leaf.resources();
        let mut fonts = resources.fonts();
        for bold in [false, true] {
            fonts.pair(Name(font_name(bold)), font_ref(bold, 0));
        }
        fonts.finish();
        let mut states = resources.ext_g_states();
        for level in &self.levels {
            let share = f32::from(*level) / 100.0;
            let mut state = states.insert(Name(format!("O{level}").as_bytes())).dict();
            state.pair(Name(b"CA"), share).pair(Name(b"ca"), share);
        }
        states.finish();
        resources.finish();
        leaf.finish();
        pdf.stream(content, &self.content.finish());
        pdf.document_info(info).title(TextStr(title)).producer(TextStr("spaceevo"));
        for (face, bold) in self.faces.iter().zip([false, true]) {
            if let Some(face) = face {
                write_font(&mut pdf, face, bold);
            }
        }
        pdf.finish()
    }
}

fn font_name(bold: bool) -> &'static [u8] {
    if bold { b"F1" } else { b"F0" }
}

fn font_ref(bold: bool, part: i32) -> Ref {
    Ref::new(FONT_REFS + REFS_A_FONT * i32::from(bold) + part)
}

/// The font with all its glyphs (the files hold few), and what each of them means, so that the text can be searched.
fn write_font(pdf: &mut Pdf, face: &Face<'_>, bold: bool) {
    let [font, descendant, descriptor, file, meaning] = [0, 1, 2, 3, 4].map(|part| font_ref(bold, part));
    let name = Name(if bold { b"LABFIG+Roboto-Medium" } else { b"LABFIG+Roboto-Regular" });
    let system = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
    let unit = 1000.0 / f32::from(face.units_per_em().max(1));
    let scaled = |value: i16| f32::from(value) * unit;

    pdf.type0_font(font).base_font(name).encoding_predefined(Name(b"Identity-H")).descendant_font(descendant).to_unicode(meaning);
    let mut cid = pdf.cid_font(descendant);
    cid.subtype(CidFontType::Type2).base_font(name).system_info(system).font_descriptor(descriptor).default_width(0.0);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    let glyphs = 0..face.number_of_glyphs();
    let advances = glyphs.map(|glyph| f32::from(face.glyph_hor_advance(ttf_parser::GlyphId(glyph)).unwrap_or(0)) * unit);
    cid.widths().consecutive(0, advances);
    cid.finish();

    let around = face.global_bounding_box();
    let mut about = pdf.font_descriptor(descriptor);
    about.name(name).flags(FontFlags::SYMBOLIC).italic_angle(0.0);
    about.bbox(Rect::new(scaled(around.x_min), scaled(around.y_min), scaled(around.x_max), scaled(around.y_max)));
    about.ascent(scaled(face.ascender())).descent(scaled(face.descender()));
    about.cap_height(scaled(face.capital_height().unwrap_or(face.ascender())));
    about.stem_v(if bold { 110.0 } else { 80.0 }).font_file2(file);
    about.finish();

    let bytes = words::FILES[usize::from(bold)];
    pdf.stream(file, bytes).pair(Name(b"Length1"), bytes.len() as i32);
    let mut cmap = UnicodeCmap::new(Name(b"Roboto"), system);
    let letters = (' '..='\u{2fff}').filter_map(|letter| Some((face.glyph_index(letter)?.0, letter)));
    for (glyph, letter) in letters {
        cmap.pair(glyph, letter);
    }
    pdf.stream(meaning, &cmap.finish());
}
