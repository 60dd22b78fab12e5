//! Logos of providers as they are drawn. The bytes are the broker's, which has checked them; still they are decoded by a kind that is
//! named, into a size that is ours, and on another thread: a picture that takes long holds up nothing, and is not there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use claviger_prompt_api::logo::{Format, Logo, Logos};
use gtk::gdk_pixbuf::prelude::*;
use gtk::gdk_pixbuf::{Colorspace, PixbufLoader};
use gtk::{gdk, gio, glib};

/// How large a logo is drawn, in pixels of the display's scale.
pub const SIZE: i32 = 24;

/// The finest scale of a display that a logo is made for.
const FINEST: i32 = 2;

/// The logos that a window has drawn or is about to; cheap to clone.
#[derive(Clone, Default)]
pub struct Gallery(Rc<Parts>);

#[derive(Default)]
struct Parts {
    /// The name of the icon to draw where there is no logo.
    generic: Option<&'static str>,
    made: RefCell<HashMap<Wanted, Made>>,
    /// The images that wait for one.
    waiting: RefCell<Vec<(glib::WeakRef<gtk::Image>, Wanted)>>,
}

/// What has come of a logo.
#[derive(Clone)]
enum Made {
    /// It is being decoded.
    Coming,
    /// A picture, or none if it could not be.
    Done(Option<gdk::Texture>),
}

/// A provider's logos, and whether the surroundings are dark.
type Wanted = (Rc<Logos>, bool);

impl Gallery {
    /// A gallery that draws the icon of this name where there is no logo.
    pub fn with_generic(icon: &'static str) -> Self {
        Self(Rc::new(Parts {
            generic: Some(icon),
            ..Parts::default()
        }))
    }

    /// A place for a logo beside the name of its provider, which is what a screen reader reads.
    pub fn place() -> gtk::Image {
        gtk::Image::builder()
            .pixel_size(SIZE)
            .valign(gtk::Align::Start)
            .accessible_role(gtk::AccessibleRole::Presentation)
            .build()
    }

    /// Draws the one of these logos that suits the surroundings in the place, or what there is instead of one; once it is decoded, if it
    /// was not yet.
    pub fn draw(&self, logos: Option<&Rc<Logos>>, place: &gtk::Image) {
        let parts = &self.0;
        let is_other = |image: &glib::WeakRef<gtk::Image>| image.upgrade().is_some_and(|image| image != *place);
        parts.waiting.borrow_mut().retain(|(image, _)| is_other(image));
        place.clear();
        let Some(logos) = logos.filter(|logos| !logos.is_empty()) else {
            return parts.show(place, None);
        };
        let wanted = (Rc::clone(logos), adw::StyleManager::default().is_dark());
        let made = parts.made.borrow().get(&wanted).cloned();
        if let Some(Made::Done(texture)) = made {
            return parts.show(place, texture.as_ref());
        }
        let mut waiting = parts.waiting.borrow_mut();
        waiting.push((glib::object::ObjectExt::downgrade(place), wanted.clone()));
        if made.is_none() {
            parts.made.borrow_mut().insert(wanted.clone(), Made::Coming);
            glib::spawn_future_local(self.clone().make(wanted));
        }
    }

    async fn make(self, wanted: Wanted) {
        let logo = wanted.0.suited(wanted.1).cloned();
        let decoded = gio::spawn_blocking(move || logo.and_then(|logo| decode(&logo))).await;
        let texture = decoded.ok().flatten().map(Pixels::texture);
        let parts = &self.0;
        parts
            .made
            .borrow_mut()
            .insert(wanted.clone(), Made::Done(texture.clone()));
        parts.waiting.borrow_mut().retain(|(image, other)| {
            if *other != wanted {
                return true;
            }
            if let Some(image) = image.upgrade() {
                parts.show(&image, texture.as_ref());
            }
            false
        });
    }
}

impl Parts {
    fn show(&self, place: &gtk::Image, texture: Option<&gdk::Texture>) {
        match texture {
            Some(texture) => place.set_paintable(Some(texture)),
            None => place.set_icon_name(self.generic),
        }
    }
}

/// A picture, decoded.
struct Pixels {
    bytes: glib::Bytes,
    width: i32,
    height: i32,
    stride: usize,
    has_alpha: bool,
}

impl Pixels {
    fn texture(self) -> gdk::Texture {
        let format = if self.has_alpha {
            gdk::MemoryFormat::R8g8b8a8
        } else {
            gdk::MemoryFormat::R8g8b8
        };
        gdk::MemoryTexture::new(self.width, self.height, format, &self.bytes, self.stride).upcast()
    }
}

/// Decodes what says to be of this format as that and nothing else; `None` where it is not.
fn decode(logo: &Logo) -> Option<Pixels> {
    let kind = match logo.format {
        Format::Svg => "svg",
        Format::Png => "png",
        Format::Other => return None,
    };
    let bytes = logo.bytes()?;
    let loader = PixbufLoader::with_type(kind).ok()?;
    loader.connect_size_prepared(|loader, width, height| {
        let (width, height) = fitting(width, height);
        loader.set_size(width, height);
    });
    let written = loader.write(&bytes);
    // It has to be closed even where it does not like what it was given.
    let closed = loader.close();
    written.and(closed).ok()?;
    let picture = loader.pixbuf()?;
    let fits = picture.colorspace() == Colorspace::Rgb && picture.bits_per_sample() == 8;
    let most = SIZE * FINEST;
    (fits && picture.width() <= most && picture.height() <= most).then(|| Pixels {
        bytes: picture.read_pixel_bytes(),
        width: picture.width(),
        height: picture.height(),
        stride: usize::try_from(picture.rowstride()).unwrap_or_default(),
        has_alpha: picture.has_alpha(),
    })
}

/// The size of a picture of this shape that fits.
fn fitting(width: i32, height: i32) -> (i32, i32) {
    let most = SIZE * FINEST;
    let longer = i64::from(width.max(height).max(1));
    let scaled = |side: i32| {
        let side = i64::from(side.max(1)) * i64::from(most) / longer;
        i32::try_from(side).unwrap_or(most).clamp(1, most)
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn drawing(attributes: &str) -> Logo {
        let text = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" {attributes}><rect width="100%" height="100%" fill="#f00"/></svg>"##
        );
        Logo::new(Format::Svg, text.as_bytes())
    }

    #[test]
    fn a_picture_is_as_large_as_its_place_whatever_it_says() {
        assert_eq!(fitting(1, 1), (48, 48));
        assert_eq!(fitting(i32::MAX, 1), (48, 1));
        assert_eq!(fitting(0, -7), (48, 48));
        for (attributes, size) in [
            (r#"width="16" height="16""#, (48, 48)),
            (r#"width="100000" height="50000""#, (48, 24)),
        ] {
            let pixels = decode(&drawing(attributes)).unwrap();
            assert_eq!((pixels.width, pixels.height), size, "{attributes}");
        }
    }

    #[test]
    fn what_is_not_of_its_format_is_no_picture() {
        let svg = drawing("");
        let bytes = svg.bytes().unwrap();
        assert!(decode(&Logo::new(Format::Png, &bytes)).is_none());
        assert!(decode(&Logo::new(Format::Svg, b"GIF89a")).is_none());
        assert!(decode(&Logo::new(Format::Png, b"\x89PNG\r\n\x1a\n")).is_none());
    }
}
