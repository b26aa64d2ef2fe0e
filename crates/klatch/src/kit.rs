//! Building blocks for handlers. They know no dialect: whose words an error is put into is a type
//! parameter.

pub mod body;
pub mod choice;
pub mod paging;
pub mod params;
pub mod peer;
pub mod reply;
pub mod served;
