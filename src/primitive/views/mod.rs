//! How every noun looks where there is more than text: as a part of a web page, as a picture, as rows with a schema.
//!
//! [`register`] declares them all; what they are made of stands in the files beside this one.

mod networks;
mod page;
mod plain;
mod results;
mod spaces;

use std::any::Any;

use rhai::Engine;
use rhai::plugin::*;

use self::page::{Page, Picture};
pub(in crate::primitive) use self::plain::table_html;
use super::cross::{Answer, Cross};
use super::host::Host;
use super::operator::Block;
use crate::base::Result;
use crate::frame::Table;

#[export_module]
mod view_functions {
    /// A noun as a part of a web page: what it is, its facts, tables and pictures.
    ///
    /// Every noun has one. What users named is escaped; nothing runs in it, and it takes the ink of a light or a dark page.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let page = block("inverted_residual", #{ cin: 64, hw: 28 }).to_html();
    /// page.contains("64x28x28") //> true
    /// ```
    #[rhai_fn(name = "to_html", pure, return_raw)]
    pub fn block_html(block: &mut Block) -> Answer<String> {
        networks::block(block).map(|page| page.to_html()).cross()
    }

    /// A noun as a picture: an SVG document on a white sheet.
    ///
    /// Operators, blocks and networks under construction show their layers, spaces their stages, subnets their blocks,
    /// studies their course, look-up tables what they cover, figures themselves.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let picture = operator("inverted_residual").to_svg();
    /// picture.contains("dwconv 3×3") //> true
    /// ```
    #[rhai_fn(name = "to_svg", pure, return_raw)]
    pub fn block_svg(block: &mut Block) -> Answer<String> {
        networks::block_picture(block).and_then(|picture| picture.to_svg()).cross()
    }

    /// A noun in a few lines, as the prompt shows it: what it is, what it costs, what it consists of.
    ///
    /// Blocks, search spaces and subnets have it: their own text is the code that names them in tables.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let space = hyperspace("pocket").space("012-210");
    /// space.overview().contains("stage3") //> true
    /// ```
    #[rhai_fn(name = "overview", pure, return_raw)]
    pub fn block_overview(block: &mut Block) -> Answer<String> {
        Ok(networks::block_text(block))
    }

    /// The rows of a table as a tabular data resource: JSON with a schema, for notebooks and data packages.
    ///
    /// Of a long table the first 2,000 rows; its `description` says how many are left out. Nouns that hold rows have it too.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ int8_ms: [1.5, 2.0] }).to_data_resource().contains("{\"name\":\"int8_ms\",\"type\":\"number\"}") //> true
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn to_data_resource(table: &mut Table) -> Answer<String> {
        resource(table).cross()
    }
}

fn resource(table: &Table) -> Result<String> {
    Ok(table.to_data_resource()?.to_string())
}

/// Declares the views of one noun after the other.
struct Views<'a>(&'a mut Engine);

impl Views<'_> {
    /// Its page.
    fn page<T: Any + Clone + Send + Sync>(&mut self, page: fn(&T) -> Result<Page>) -> &mut Self {
        self.0.register_fn("to_html", move |noun: &mut T| -> Answer<String> { page(noun).map(|page| page.to_html()).cross() });
        self
    }

    /// Its picture.
    fn picture<T: Any + Clone + Send + Sync>(&mut self, picture: fn(&T) -> Result<Picture>) -> &mut Self {
        self.0.register_fn("to_svg", move |noun: &mut T| -> Answer<String> {
            picture(noun).and_then(|picture| picture.to_svg()).cross()
        });
        self
    }

    /// Itself in a few lines of so many characters.
    fn text<T: Any + Clone + Send + Sync>(&mut self, text: fn(&T, usize) -> Result<String>) -> &mut Self {
        self.0.register_fn("overview", move |context: NativeCallContext, noun: &mut T| -> Answer<String> {
            text(noun, Host::of(&context)?.look().columns).cross()
        });
        self
    }

    /// Its rows.
    fn rows<T: Any + Clone + Send + Sync>(&mut self, rows: fn(&T) -> Result<Table>) -> &mut Self {
        self.0.register_fn("to_data_resource", move |noun: &mut T| -> Answer<String> {
            rows(noun).and_then(|table| resource(&table)).cross()
        });
        self
    }
}

/// Declares the views of all nouns. Those of a block and of a table stand above, with their documentation; tables have
/// their pages, and figures their pictures, where all of their methods are.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(view_functions).into());
    let mut views = Views(engine);
    views.page(networks::operator).picture(networks::operator_picture).rows(networks::operator_rows);
    views.rows(networks::block_rows);
    views.page(networks::fixed).rows(networks::fixed_rows);
    views.page(networks::net).picture(networks::net_picture).rows(networks::net_rows);
    views.page(networks::node).picture(networks::node_picture).rows(networks::node_rows);

    views.page(spaces::hyperspace).picture(spaces::hyperspace_picture).rows(spaces::hyperspace_rows);
    views.page(spaces::space).picture(spaces::space_picture).rows(spaces::space_rows).text(spaces::space_text);
    views.page(spaces::subnet).picture(spaces::subnet_picture).rows(spaces::subnet_rows).text(spaces::subnet_text);

    views.page(results::study).picture(results::study_picture).rows(results::study_rows);
    views.page(results::comparison).picture(results::comparison_picture).rows(results::comparison_rows);
    views.page(results::lut).picture(results::lut_picture).rows(results::lut_rows);
    views.page(results::blocks).rows(results::blocks_rows);
    views.page(results::latency_model);
    views.page(results::latency_table).rows(results::latency_table_rows);
    views.page(results::device);
    views.page(results::executor);
    views.page(results::submitted);
    views.page(results::dataset);
    views.page(results::teacher).rows(results::teacher_rows);
    views.page(results::trained_block).picture(results::trained_block_picture);
    views.page(results::supernet).picture(results::supernet_picture).rows(results::supernet_rows);
    views.page(results::found).picture(results::found_picture).rows(results::found_rows);

    views.page(plain::figure);
    views.page(plain::fault);
    views.page(plain::expression);
    views.page(plain::group_by);
    views.page(plain::random);
    views.page(plain::problem);
    views.page(plain::drawn);
    views.page(plain::traced);
    views.page(plain::tensor);
}
